from __future__ import annotations

import pytest
import torch
from ignite.engine import Engine
from monai.apps import get_logger

from monai_nlseg.handlers import ExpectedTime
from monai_nlseg.handlers import expected_time as module


@pytest.fixture
def said(monkeypatch):
    """The lines logged."""
    lines: list[str] = []
    monkeypatch.setattr(get_logger(module.LOGGER), "info", lines.append)
    return lines


@pytest.fixture
def trainer(monkeypatch):
    """An engine whose first iteration takes 100 s by the clock, all others 0.5 s."""
    now = 0.0

    def step(engine, batch):
        nonlocal now
        now += 100 if engine.state.iteration == 1 else 0.5

    monkeypatch.setattr(module.time, "perf_counter", lambda: now)
    return Engine(step)


def test_the_plan_comes_first_and_the_time_after_some_iterations(said, trainer):
    ExpectedTime(10).attach(trainer)
    trainer.run([0] * 100, max_epochs=1800)
    assert said == [
        "epochs 1 to 1,800 of 100 iterations each: 180,000 iterations to do",
        "0.5 s per iteration: the 179,989 iterations left take about 25.0 hours, without validation",
    ]


def test_iterations_are_measured_over_short_epochs(said, trainer):
    ExpectedTime(3).attach(trainer)
    trainer.run([0, 0], max_epochs=100)
    assert said[1] == "0.5 s per iteration: the 196 iterations left take about 1.6 minutes, without validation"


def test_a_resumed_training_counts_what_is_left(said, trainer):
    ExpectedTime(2).attach(trainer)
    trainer.load_state_dict({"epoch_length": 5, "max_epochs": 10, "iteration": 35})
    trainer.run([0] * 5)
    assert said == [
        "epochs 8 to 10 of 5 iterations each: 15 iterations to do",
        "0.5 s per iteration: the 12 iterations left take about 6 seconds, without validation",
    ]


def test_a_training_shorter_than_what_is_measured_has_no_time(said, trainer):
    ExpectedTime(10).attach(trainer)
    trainer.run([0] * 4, max_epochs=2)
    assert said == ["epochs 1 to 2 of 4 iterations each: 8 iterations to do"]


def test_only_the_first_process_speaks(said, trainer, monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    ExpectedTime(1).attach(trainer)
    trainer.run([0] * 4, max_epochs=2)
    assert not said


def test_refuses_to_measure_nothing():
    with pytest.raises(ValueError, match="0 iterations give no time: measure at least 1"):
        ExpectedTime(0)
