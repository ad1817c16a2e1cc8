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
from monai_nlseg.experiments.options import Options
from monai_nlseg.experiments.probe import PROBE, Cost, scratch_bytes
from monai_nlseg.experiments.run import open_runs
from monai_nlseg.experiments.run_spec import DONE, RunSpec
from monai_nlseg.experiments.runs import make_runs
from monai_nlseg.experiments.schema.read import experiment_of
from monai_nlseg.experiments.workflow import SPEC
from monai_nlseg.training.fitting.model import EPOCHS, TRAINED, WEIGHTS
from monai_nlseg.training.fitting.run_files import read_run_file
from monai_nlseg.training.fitting.tracking import require_tracking

ADAM = 2  # numbers that it keeps for each weight


@dataclass(frozen=True)
class Forecast:
    """What the open runs of an experiment will take.

    Attributes:
        runs: all runs.
        todo: runs that are not done.
        costs: model -> what one of its runs takes, or the sentence why that is unknown.
        jobs: runs at a time.
        seconds: time until the last open run ends.
        disk_bytes: what the open runs leave on the disk: their weights, beside which the rest is small.
        peak_bytes: the most that the open runs have on the disk at a time: what they leave, and checkpoints.
    """

    runs: Sequence[RunSpec]
    todo: Sequence[RunSpec]
    costs: Mapping[str, Cost | str]
    jobs: int
    seconds: float
    disk_bytes: int
    peak_bytes: int


def forecast_experiment(
    content: Mapping[str, Any],
    data: str | Path,
    output: str | Path,
    options: Options,
    overrides: Mapping[str, Any] | None = None,
    measuring: Callable[[str], None] = lambda model: None,
) -> Forecast:
    """Find out what an experiment will take, without writing to its folder.

    One run of each model is probed in a process of its own: three iterations of the training of its first fold, and one
    case of each evaluation. Where the folder has finished runs of a model, their times are used instead. Loading is
    left out: it takes about ten seconds for each process, and the time to read the data once.

    Args:
        content: content of the experiment file.
        data: folder of the data set.
        output: folder of the experiment.
        options: how the runs will be done.
        overrides: config id -> value, on top of the file's, see :func:`make_runs`.
        measuring: called with the name of a model before it is probed.

    Raises:
        ValueError: for what :func:`run_experiment` refuses.
    """
    require_tracking(options.tracking)
    runs = make_runs(experiment_of(content), data, output, overrides)
    todo = open_runs(runs)
    costs: dict[str, Cost | str] = {}
    for spec in runs:
        if spec.model not in costs:
            finished = [each for each in runs if each.model == spec.model and each not in todo]
            if not finished:
                measuring(spec.model)
            costs[spec.model] = _cost_of(finished) if finished else _probed(spec, options.resources)
    jobs = options.jobs or 1
    known = [(spec, cost) for spec in todo if isinstance(cost := costs[spec.model], Cost)]
    disk = sum(cost.weights_bytes for _, cost in known) if options.weights_kept else 0
    largest = heapq.nlargest(jobs, (cost.scratch_bytes + cost.weights_bytes for _, cost in known))
    seconds = seconds_of_all([_seconds_left(spec, cost) for spec, cost in known], jobs)
    return Forecast(runs, todo, costs, jobs, seconds, disk, disk + sum(largest))


def seconds_of_all(seconds: Sequence[float], jobs: int) -> float:
    """Return the time until the last run ends, when each begins as soon as a job is free.

    Args:
        seconds: time of each run, in the order in which they begin.
        jobs: runs at a time.
    """
    ends = [0.0] * jobs
    for each in seconds:
        heapq.heapreplace(ends, ends[0] + each)
    return max(ends)


def _cost_of(finished: Sequence[RunSpec]) -> Cost:
    """Return what finished runs of a model took."""
    records = [record for spec in finished if (record := read_run_file(spec.path / DONE))]
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
    """Return what a probe of a run has measured, or why it failed."""
    with TemporaryDirectory(prefix="nlseg-") as folder:
        apart = replace(spec, folder=folder)
        apart.write(apart.path / SPEC)
        if error := run_step("probe", apart.path, resources):
            return error
        cost = Cost(**json.loads((apart.path / PROBE).read_text(encoding="utf-8")))
    # Processes that train together share the iterations.
    return replace(cost, training_seconds=cost.training_seconds / resources.processes)


def _seconds_left(spec: RunSpec, cost: Cost) -> float:
    """Return the time that an open run still takes, some of which may be done."""
    epochs = read_run_file(spec.path / EPOCHS)
    share = len(epochs["epochs"]) / epochs["total"] if epochs else 0.0
    training = 0.0 if (spec.path / TRAINED).is_file() else (1 - share) * cost.training_seconds
    done = (read_run_file(spec.path / DONE) or {}).get("results", {})
    variants = [
        variant for variant in spec.inference if variant not in done and not result_path(spec, variant).is_file()
    ]
    return training + len(spec.parts["test"]) * sum(cost.case_seconds[variant] for variant in variants)
