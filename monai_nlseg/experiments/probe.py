"""The cost of a run, measured by a few iterations of its training and one case of each evaluation."""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from monai.handlers import ValidationHandler
from monai.networks import eval_mode

from monai_nlseg.bench.measure import run_times
from monai_nlseg.bundle import Bundle
from monai_nlseg.experiments.evaluation import evaluation_workflow
from monai_nlseg.experiments.run_spec import RunSpec
from monai_nlseg.experiments.training import training_workflow
from monai_nlseg.inferers import StepWindowInferer, TestTimeAugmentationInferer, foreground_box, inference_cost
from monai_nlseg.io.files import written_beside
from monai_nlseg.networks.footprint import weights_bytes
from monai_nlseg.training.fitting.timing import CASES, iteration_seconds

PROBE = "probe.json"
SECONDS_A_CASE = 2.0  # a case that takes less is repeated


@dataclass(frozen=True)
class Cost:
    """The cost of one run of a model.

    Attributes:
        parameters: number of the network's parameters.
        weights_bytes: size of its weights.
        scratch_bytes: most bytes that lie on the disk only while it is trained.
        epochs: epochs of the training.
        iterations: iterations of the training.
        iteration_seconds: time of an iteration, with its batch.
        training_seconds: time of the training, with its validations.
        case_seconds: variant of the inference -> time of a case.
    """

    parameters: int
    weights_bytes: int
    scratch_bytes: int
    epochs: int
    iterations: int
    iteration_seconds: float
    training_seconds: float
    case_seconds: dict[str, float]


def probe(spec: RunSpec) -> None:
    """Measure the cost of a run, and write it to ``probe.json`` in the run's folder, which should be temporary.

    Args:
        spec: the run.
    """
    spec = replace(spec, overrides={**spec.overrides, **_hardly_cached(spec)})
    workflow = training_workflow(spec)
    parser = workflow.parser
    trainer = parser.get_parsed_content("train#trainer")
    epochs, iterations = trainer.state.max_epochs, trainer.state.max_epochs * trainer.state.epoch_length
    step_seconds = iteration_seconds(trainer, parser.get_parsed_content("train#dataloader"), iterations)
    weights = weights_bytes(trainer.network)
    validations = _validations(parser, epochs) * len(parser.get_parsed_content("validate#dataset"))
    cost = Cost(
        parameters=sum(parameter.numel() for parameter in trainer.network.parameters()),
        weights_bytes=weights,
        scratch_bytes=scratch_bytes(weights, _optimizer_bytes(trainer.optimizer)),
        epochs=epochs,
        iterations=iterations,
        iteration_seconds=step_seconds,
        training_seconds=iterations * step_seconds + (validations and validations * _case_seconds(parser)),
        case_seconds={variant: _variant_seconds(spec, variant) for variant in spec.inference},
    )
    with written_beside(spec.path / PROBE) as beside:
        beside.write_text(json.dumps(asdict(cost)))


def scratch_bytes(weights: int, optimizer: int) -> int:
    """Return the size of a training's folder: three checkpoints, one of them being written, and twice the best weights.

    Args:
        weights: bytes of the weights.
        optimizer: bytes of the optimizer's state.
    """
    return 3 * (weights + optimizer) + 2 * weights


def _hardly_cached(spec: RunSpec) -> dict[str, int]:
    """Return overrides that keep data sets from loading all their cases."""
    config = Bundle(spec.bundle).config(*spec.train_configs)
    limits = {"train#dataset": ("cache_num", CASES), "validate#dataset": ("cache_rate", 0)}
    return {f"{name}#{key}": value for name, (key, value) in limits.items() if f"{name}#cache_rate" in config}


def _validations(parser: Any, epochs: int) -> int:
    """Return how often the training validates."""
    handlers = parser.get_parsed_content("train#handlers") if "train#handlers" in parser else []
    intervals = [handler.interval for handler in handlers if isinstance(handler, ValidationHandler)]
    return math.ceil(epochs / intervals[0]) if intervals else 0


def _variant_seconds(spec: RunSpec, variant: str) -> float:
    workflow = evaluation_workflow(spec, variant, spec.path / "evaluation")
    workflow.parser["initialize"] = []  # it may load weights, and there are none
    workflow.initialize()
    return _case_seconds(workflow.parser)


def _case_seconds(parser: Any) -> float:
    """Return the time of an evaluator's first case."""
    evaluator = parser.get_parsed_content("validate#evaluator")
    image = torch.as_tensor(parser.get_parsed_content("validate#dataset")[0]["image"])
    inferer, views = evaluator.inferer, 1
    if isinstance(inferer, TestTimeAugmentationInferer):
        views = len(inferer.views) if inferer.views is not None else 2 ** (image.dim() - 1)
        inferer = inferer.inferer
    if isinstance(inferer, StepWindowInferer):
        shape = image.shape
        if inferer.foreground_only:
            shape = torch.Size([len(image), *(box.stop - box.start for box in foreground_box(image[0]))])
        cost = inference_cost(inferer, evaluator.network, shape, max_batch_size=inferer.sw_batch_size)
        assert cost.seconds is not None
        return cost.seconds * views
    batch = image[None].to(evaluator.state.device)

    def infer() -> None:
        evaluator.inferer(batch, evaluator.network)
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    with eval_mode(evaluator.network), torch.inference_mode():
        return statistics.median(run_times(infer, SECONDS_A_CASE))


def _optimizer_bytes(optimizer: torch.optim.Optimizer) -> int:
    states = [value for state in optimizer.state.values() for value in state.values()]
    return sum(value.nbytes for value in states if isinstance(value, torch.Tensor))
