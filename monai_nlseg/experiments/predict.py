"""What an experiment will take, before it is run."""

from __future__ import annotations

import heapq
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from monai_nlseg.experiments.evaluation import result_path
from monai_nlseg.experiments.execute import Resources, run_step
from monai_nlseg.experiments.plan import RunSpec, make_plan
from monai_nlseg.experiments.probe import PROBE, Cost, scratch_bytes
from monai_nlseg.experiments.read import experiment_of
from monai_nlseg.experiments.records import DONE, read_record
from monai_nlseg.experiments.run import Options, open_runs
from monai_nlseg.experiments.tracking import require_tracking
from monai_nlseg.experiments.training import EPOCHS, TRAINED, WEIGHTS
from monai_nlseg.experiments.workflow import SPEC

__all__ = ["Prediction", "predict_experiment"]

ADAM = 2  # numbers that it keeps of each weight


@dataclass(frozen=True)
class Prediction:
    """What the open runs of an experiment will take.

    Attributes:
        runs: all runs.
        todo: those that are not done.
        costs: model -> what one of its runs takes, or why that could not be found out.
        seconds: model -> predicted time of each of its open runs, in the order of ``todo``.
        jobs: runs at a time.
        weights_kept: whether weights stay after the evaluation.
    """

    runs: Sequence[RunSpec]
    todo: Sequence[RunSpec]
    costs: Mapping[str, Cost | str]
    seconds: Mapping[str, Sequence[float]]
    jobs: int
    weights_kept: bool

    @property
    def total_seconds(self) -> float:
        """Until the last run ends, the runs being begun in their order as jobs become free."""
        left = {model: iter(seconds) for model, seconds in self.seconds.items()}
        ends = [0.0] * self.jobs
        for spec in self.todo:
            if spec.model in left:
                heapq.heapreplace(ends, ends[0] + next(left[spec.model]))
        return max(ends)

    @property
    def disk_bytes(self) -> int:
        """What the open runs leave: their weights, beside which the rest is small."""
        return sum(cost.weights_bytes for cost in self._open_costs()) if self.weights_kept else 0

    @property
    def peak_bytes(self) -> int:
        """The most that the open runs have on the disk at a time: what they leave, and checkpoints."""
        largest = heapq.nlargest(self.jobs, (cost.scratch_bytes + cost.weights_bytes for cost in self._open_costs()))
        return self.disk_bytes + sum(largest)

    def _open_costs(self) -> list[Cost]:
        found = [self.costs[spec.model] for spec in self.todo]
        return [cost for cost in found if isinstance(cost, Cost)]


def predict_experiment(
    content: Mapping[str, Any],
    data: str | Path,
    output: str | Path,
    options: Options,
    overrides: Mapping[str, Any] | None = None,
    measuring: Callable[[str], None] = lambda model: None,
) -> Prediction:
    """Find out what an experiment will take, without writing to its folder.

    A run of each model is probed in a process of its own: three iterations of the training of its first fold, and a
    case of each evaluation. Where the folder has finished runs of a model, their times take the place of this. Left
    out is what loading takes: about ten seconds for each process, and the data once.

    Args:
        content, data, output, options, overrides: of :func:`monai_nlseg.experiments.run_experiment`.
        measuring: is told the name of a model before it is probed.

    Raises:
        ValueError: for what :func:`run_experiment` refuses.
    """
    require_tracking(options.tracking)
    specs = make_plan(experiment_of(content), data, output, overrides)
    todo = open_runs(specs)
    costs: dict[str, Cost | str] = {}
    for spec in specs:
        if spec.model not in costs:
            finished = [each for each in specs if each.model == spec.model and each not in todo]
            if not finished:
                measuring(spec.model)
            costs[spec.model] = _cost_of(finished) if finished else _probed(spec, options.resources)
    seconds = {
        model: [_seconds_left(spec, cost) for spec in todo if spec.model == model]
        for model, cost in costs.items()
        if isinstance(cost, Cost)
    }
    return Prediction(specs, todo, costs, seconds, options.jobs or 1, options.weights_kept)


def _cost_of(finished: Sequence[RunSpec]) -> Cost:
    """What finished runs of a model took."""
    records = [record for spec in finished if (record := read_record(spec.path / DONE))]
    last = records[-1]
    path = finished[-1].path / WEIGHTS
    weights = path.stat().st_size if path.is_file() else 4 * last["parameters"]
    results = [record["results"] for record in records]
    return Cost(
        parameters=last["parameters"],
        weights_bytes=weights,
        scratch_bytes=scratch_bytes(weights, ADAM * weights),
        epochs=last["epochs"],
        iterations=last["iterations"],
        iteration_seconds=statistics.median(record["iteration_seconds"] for record in records),
        training_seconds=statistics.median(record["training_seconds"] for record in records),
        case_seconds={
            variant: statistics.mean(seconds for each in results for seconds in each[variant]["case_seconds"].values())
            for variant in finished[-1].inference
        },
    )


def _probed(spec: RunSpec, resources: Resources) -> Cost | str:
    with TemporaryDirectory(prefix="nlseg-") as folder:
        apart = replace(spec, folder=folder)
        apart.write(apart.path / SPEC)
        if error := run_step("probe", apart.path, resources):
            return error
        cost = Cost(**json.loads((apart.path / PROBE).read_text(encoding="utf-8")))
    # Processes that train together share the iterations.
    return replace(cost, training_seconds=cost.training_seconds / resources.processes)


def _seconds_left(spec: RunSpec, cost: Cost) -> float:
    """Of an open run, of which a part may be done."""
    epochs = read_record(spec.path / EPOCHS)
    share = len(epochs["epochs"]) / epochs["total"] if epochs else 0.0
    training = 0.0 if (spec.path / TRAINED).is_file() else (1 - share) * cost.training_seconds
    done = (read_record(spec.path / DONE) or {}).get("results", {})
    open_variants = [
        variant for variant in spec.inference if variant not in done and not result_path(spec, variant).is_file()
    ]
    return training + len(spec.parts["test"]) * sum(cost.case_seconds[variant] for variant in open_variants)
