from __future__ import annotations

import io
import math

import pytest
import torch
from monai.engines import SupervisedTrainer
from monai.handlers import LrScheduleHandler
from torch.optim.lr_scheduler import CosineAnnealingLR, PolynomialLR, StepLR

from monai_nlseg.optimizers import PrintedPolynomialLR

PRINTED = {1: 1.0, 2: 0.991507, 51: 0.712825, 101: 0.464113, 151: 0.228110, 200: 0.004501}
STANDARD = {1: 1.0, 2: 0.995499, 51: 0.771890, 101: 0.535887, 151: 0.287175, 200: 0.008493}

SCHEDULES = [
    lambda optimizer: PrintedPolynomialLR(optimizer, total_iters=6),
    lambda optimizer: PolynomialLR(optimizer, total_iters=6, power=0.9),
    lambda optimizer: CosineAnnealingLR(optimizer, T_max=6),
    lambda optimizer: StepLR(optimizer, step_size=1, gamma=0.95),
]


def _optimizer(rate=1.0):
    return torch.optim.Adam([torch.nn.Parameter(torch.ones(1))], lr=rate)


def _rates(build, steps, rate=1.0):
    """The learning rate of each step of a plain loop."""
    optimizer = _optimizer(rate)
    scheduler = build(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


class _Run:
    """A MONAI trainer that notes the learning rate of each iteration."""

    def __init__(self, build, epoch_level, epochs, iterations=2):
        network = torch.nn.Conv2d(1, 1, 1)
        self.optimizer = torch.optim.Adam(network.parameters(), lr=1.0)
        self.scheduler = build(self.optimizer)
        self.rates = []

        def note(engine, batch):
            self.rates.append(self.optimizer.param_groups[0]["lr"])
            self.optimizer.step()
            return {"loss": 0.0}

        self.trainer = SupervisedTrainer(
            device=torch.device("cpu"),
            max_epochs=epochs,
            train_data_loader=[0] * iterations,
            network=network,
            optimizer=self.optimizer,
            loss_function=torch.nn.MSELoss(),
            iteration_update=note,
            train_handlers=[LrScheduleHandler(self.scheduler, print_lr=False, epoch_level=epoch_level)],
            decollate=False,
        )

    def state(self):
        buffer = io.BytesIO()
        parts = {"optimizer": self.optimizer, "scheduler": self.scheduler, "trainer": self.trainer}
        torch.save({name: part.state_dict() for name, part in parts.items()}, buffer)
        buffer.seek(0)
        return torch.load(buffer, weights_only=True)

    def resume(self, state):
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.trainer.load_state_dict(state["trainer"] | {"max_epochs": self.trainer.state.max_epochs})


@pytest.mark.parametrize(
    ("build", "golden"),
    [
        (lambda optimizer: PrintedPolynomialLR(optimizer, total_iters=200), PRINTED),
        (lambda optimizer: PolynomialLR(optimizer, total_iters=200, power=0.9), STANDARD),
    ],
    ids=["printed", "standard"],
)
def test_dnlnet_s_factors_by_epoch(build, golden):
    rates = _rates(build, 200, rate=1e-3)
    assert {epoch: round(rates[epoch - 1] / 1e-3, 6) for epoch in golden} == golden


def test_ragcm_s_factors_by_iteration():
    run = _Run(lambda optimizer: PolynomialLR(optimizer, total_iters=8, power=0.9), epoch_level=False, epochs=4)
    run.trainer.run()
    assert [round(rate, 6) for rate in run.rates[::2]] == [1, 0.771890, 0.535887, 0.287175]
    assert run.optimizer.param_groups[0]["lr"] == 0


@pytest.mark.parametrize(
    ("build", "factor"),
    [
        (lambda optimizer: CosineAnnealingLR(optimizer, T_max=100), lambda t: (1 + math.cos(math.pi * t / 100)) / 2),
        (lambda optimizer: StepLR(optimizer, step_size=1, gamma=0.95), lambda t: 0.95**t),
    ],
    ids=["cosine", "step"],
)
def test_edge_smoothing_report_s_rates_by_epoch(build, factor):
    expected = [5e-4 * factor(epoch - 1) for epoch in range(1, 101)]
    assert _rates(build, 100, rate=5e-4) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_rate_belongs_to_the_epoch_in_a_trainer():
    run = _Run(lambda optimizer: PrintedPolynomialLR(optimizer, total_iters=4), epoch_level=True, epochs=4)
    run.trainer.run()
    expected = [1 - (epoch / 4) ** 0.9 for epoch in range(4)]
    assert run.rates == pytest.approx([factor for factor in expected for _ in range(2)])


@pytest.mark.parametrize("build", SCHEDULES)
@pytest.mark.parametrize("epoch_level", [True, False])
def test_resumed_training_has_the_rates_of_an_unbroken_one(build, epoch_level):
    whole = _Run(build, epoch_level, epochs=3)
    whole.trainer.run()
    broken = _Run(build, epoch_level, epochs=1)
    broken.trainer.run()
    resumed = _Run(build, epoch_level, epochs=3)
    resumed.resume(broken.state())
    resumed.trainer.run()
    assert broken.rates + resumed.rates == pytest.approx(whole.rates, rel=1e-12)
    assert len(set(whole.rates)) == (3 if epoch_level else 6)


def test_each_group_keeps_its_own_rate_and_zero_is_the_end():
    groups = [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": rate} for rate in (1.0, 0.1)]
    optimizer = torch.optim.SGD(groups)
    scheduler = PrintedPolynomialLR(optimizer, total_iters=2, power=1.0)
    rates = []
    for _ in range(4):
        optimizer.step()
        scheduler.step()
        rates.append([group["lr"] for group in optimizer.param_groups])
    assert rates == [[0.5, pytest.approx(0.05)], [0, 0], [0, 0], [0, 0]]


@pytest.mark.parametrize("arguments", [{"total_iters": 0}, {"total_iters": 5, "power": 0.0}])
def test_refuses_no_steps_and_no_power(arguments):
    with pytest.raises(ValueError, match="at least one step and a power above 0"):
        PrintedPolynomialLR(_optimizer(), **arguments)
