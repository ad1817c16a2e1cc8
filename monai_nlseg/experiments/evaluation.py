"""Evaluate one trained model on the test part of its fold."""

from __future__ import annotations

import math
import shutil
import statistics
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents

from monai_nlseg.bench.measure import run_times
from monai_nlseg.bundle import Bundle, Workflow
from monai_nlseg.bundle.identity import software_versions
from monai_nlseg.experiments.run_spec import DONE, RESULTS, RunSpec
from monai_nlseg.experiments.schema.names import variant_slug
from monai_nlseg.experiments.slices import SliceKeeper
from monai_nlseg.experiments.workflow import cases_of
from monai_nlseg.machine import machine
from monai_nlseg.training.fitting.model import TRAINED, WEIGHTS
from monai_nlseg.training.fitting.run_files import require_run_file, write_run_file
from monai_nlseg.training.fitting.tracking import without_tensorboard

TIMED_SECONDS = 5.0


def evaluate_all(spec: RunSpec) -> None:
    """Evaluate the weights of a run in each variant, and write ``run.json``.

    Args:
        spec: the run.
    """
    trained = require_run_file(spec.path / TRAINED)
    for variant in spec.inference:
        _evaluate(spec, variant, trained["input_shape"])
    results = {variant: require_run_file(result_path(spec, variant)) for variant in spec.inference}
    about = next(iter(results.values()))
    content = {
        "model": spec.model,
        "fold": spec.fold,
        "parts": spec.parts,
        "seed": spec.seed,
        "overrides": spec.overrides,
        **trained,
        "parameters": about["parameters"],
        "frames_per_second": about["frames_per_second"],
        "threads": torch.get_num_threads(),
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "software": software_versions(),
        "machine": machine(),
        "ended": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "results": results,
    }
    write_run_file(spec.path / DONE, content)


def result_path(spec: RunSpec, variant: str) -> Path:
    """Return the file of an evaluation's result.

    Args:
        spec: the run.
        variant: variant of the inference.
    """
    return spec.path / RESULTS / f"{variant_slug(variant)}.json"


def _evaluate(spec: RunSpec, variant: str, input_shape: Sequence[int]) -> None:
    """Measure the test cases and write the result; do nothing if it is there.

    Args:
        spec: the run, whose ``weights.pt`` is evaluated.
        variant: variant of the inference.
        input_shape: shape (C, *spatial) of the images that the network was trained on, for its time alone.
    """
    path = result_path(spec, variant)
    if path.is_file():
        return
    scratch = spec.path / "evaluation"
    workflow = evaluation_workflow(spec, variant, scratch)
    workflow.initialize()
    evaluator = workflow.parser.get_parsed_content("validate#evaluator")
    clock = _CaseClock()
    clock.attach(evaluator)
    if spec.overlays:
        kept = spec.path / f"slices_{variant_slug(variant)}.npz"
        SliceKeeper(kept, spec.parts["test"][: spec.overlays]).attach(evaluator)
    workflow.run()
    workflow.finalize()
    network = workflow.parser.get_parsed_content("network_def")
    result = {
        "digest": spec.variant_digest(variant),
        "overrides": spec.inference[variant],
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "frames_per_second": _frames_per_second(network, input_shape) if spec.time_network else None,
        "metrics": {name: _number(value) for name, value in evaluator.state.metrics.items()},
        "cases": _by_case(spec.parts["test"], evaluator.state.metric_details),
        "case_seconds": dict(zip(spec.parts["test"], clock.seconds, strict=True)),
    }
    write_run_file(path, result)
    shutil.rmtree(scratch, ignore_errors=True)


def evaluation_workflow(spec: RunSpec, variant: str, scratch: Path) -> Workflow:
    """Return the workflow that evaluates the weights of a run, not yet initialized.

    Args:
        spec: the run.
        variant: variant of the inference.
        scratch: folder for what the bundle writes.
    """
    overrides = {
        **spec.overrides,
        **spec.evaluation,
        **spec.inference[variant],
        "output_dir": str(scratch),
        "ckpt_dir": str(scratch),
        "checkpoint": str(spec.path / WEIGHTS),
        "seed": spec.seed,
        "validate#dataset#data": cases_of(spec, "test"),
    }
    configs = [*spec.train_configs, "evaluate"]
    workflow = Bundle(spec.bundle).workflow(*configs, workflow_type="train", **overrides)
    without_tensorboard(workflow)
    return workflow


class _CaseClock:
    """Ignite handler that records the time of each case from the loaded image to the network's whole output.

    The cases of a batch share its time equally.
    """

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def attach(self, engine: Engine) -> None:
        """Attach to an evaluator."""
        engine.add_event_handler(Events.ITERATION_STARTED, self._begin)
        engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self._end)

    def _begin(self, engine: Engine) -> None:
        self._start = time.perf_counter()

    def _end(self, engine: Engine) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        cases = len(engine.state.batch["image"])
        self.seconds += [(time.perf_counter() - self._start) / cases] * cases


def _by_case(cases: Sequence[str], details: dict[str, Any]) -> dict[str, dict[str, list[float | None]]]:
    """Return case -> metric -> value of each channel, without the metrics that have no value for each case."""
    values = {
        name: torch.as_tensor(detail).reshape(len(cases), -1).tolist()
        for name, detail in details.items()
        if isinstance(detail, torch.Tensor) and len(detail) == len(cases)
    }
    return {
        case: {name: [_number(value) for value in rows[index]] for name, rows in values.items()}
        for index, case in enumerate(cases)
    }


def _frames_per_second(network: torch.nn.Module, input_shape: Sequence[int]) -> float:
    """Return the images per second of the network alone, one image at a time, as it is evaluated."""
    device = next(network.parameters()).device
    image = torch.zeros(1, *input_shape, device=device)

    def predict() -> None:
        network(image)
        if device.type == "cuda":
            torch.cuda.synchronize()

    with torch.inference_mode():
        network.eval()
        return 1 / statistics.median(run_times(predict, TIMED_SECONDS))


def _number(value: Any) -> float | None:
    """Return a number for JSON, which has none that is not finite."""
    number = float(value)
    return number if math.isfinite(number) else None
