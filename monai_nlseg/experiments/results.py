"""Results of the runs of an experiment, read from its folder."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_nlseg.experiments.schema.experiment import Experiment
from monai_nlseg.experiments.schema.names import slug
from monai_nlseg.experiments.schema.protocol import Protocol
from monai_nlseg.experiments.schema.read import experiment_of
from monai_nlseg.io.sealed import unsealed


@dataclass(frozen=True)
class VariantResult:
    """One evaluation of a trained model; values that were not finite are NaN.

    Attributes:
        metrics: metric -> the evaluator's value over the whole test part.
        cases: case -> metric -> a value for each channel.
        case_seconds: case -> time of its forward pass through the whole inferer.
    """

    metrics: Mapping[str, float]
    cases: Mapping[str, Mapping[str, tuple[float, ...]]]
    case_seconds: Mapping[str, float]


@dataclass(frozen=True)
class Run:
    """One training of one model on one fold, and its evaluations.

    Attributes:
        folder: folder of the run.
        model: name of what was trained.
        fold: name of the fold or split.
        training: cases of the training part.
        validation: cases of the validation part.
        test: cases of the test part.
        weights: "last" if the last epoch's weights were evaluated, "best" if the best on the validation part were.
        seed: seed of the training; None where it is unknown.
        epochs: epochs of the training.
        iterations: iterations of the training.
        batch_size: batch of the training; None where it is unknown.
        threads: threads of PyTorch.
        device: "cpu" or "cuda".
        parameters: number of the network's parameters.
        training_seconds: time of the whole training.
        iteration_seconds: median time of an iteration.
        frames_per_second: images per second of the network alone, batch size 1; NaN where it was not measured.
        software: versions that it ran with.
        machine: machine that it ran on.
        results: variant of the inference ("" if there is only one) -> its result.
    """

    folder: Path
    model: str
    fold: str
    training: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    weights: str
    seed: int | None
    epochs: int
    iterations: int
    batch_size: int | None
    threads: int
    device: str
    parameters: int
    training_seconds: float
    iteration_seconds: float
    frames_per_second: float
    software: Mapping[str, Any]
    machine: Mapping[str, Any]
    results: Mapping[str, VariantResult]


@dataclass(frozen=True)
class MissingRun:
    """A run that is not done, with the sentence of its failure, or None if it has not failed."""

    model: str
    fold: str
    error: str | None


@dataclass(frozen=True)
class Results:
    """An experiment with its runs, in the order of its models and then of the folds' names.

    Attributes:
        folder: folder of the experiment.
        experiment: what its file says.
        runs: runs that are done.
        folds: folds on which each model is to be run.
        missing: runs that are not done.
        unknown: models, or "model, fold", of runs in the folder that the experiment does not have.
        overrides: config id -> value that the command set for all models, on top of the file's.
    """

    folder: Path
    experiment: Experiment
    runs: tuple[Run, ...]
    folds: tuple[str, ...]
    missing: tuple[MissingRun, ...]
    unknown: tuple[str, ...]
    overrides: Mapping[str, Any]

    def of(self, model: str) -> tuple[Run, ...]:
        """Return the runs of a model.

        Args:
            model: name of what was trained.
        """
        return tuple(run for run in self.runs if run.model == model)


@dataclass(frozen=True)
class CurvePoint:
    """An epoch of a training; ``metric`` is NaN where it was not validated."""

    epoch: int
    iteration: int
    loss: float
    metric: float


def read_results(folder: str | Path) -> Results:
    """Read the folder of an experiment, which need not be finished.

    Args:
        folder: the ``--output`` of ``nlseg experiment run``.

    Raises:
        ValueError: for a folder without an experiment, and a record that is damaged or foreign.
    """
    folder = Path(folder)
    if not (folder / "experiment.json").is_file():
        raise ValueError(f"'{folder}' holds no experiment.json: give the --output of nlseg experiment run.")
    written = _load(folder / "experiment.json")
    try:
        experiment = experiment_of(written["experiment"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"'{folder / 'experiment.json'}' is not an experiment ({error}): restore it.") from None
    models = list(experiment.trained())
    found = [_run(path) for path in sorted(folder.glob("runs/*/*/run.json"))]
    failed = {
        (path.parent.parent.name, path.parent.name): _failure(path) for path in folder.glob("runs/*/*/failed.json")
    }
    overrides = dict(written.get("overrides") or {})
    folds = sorted(written.get("folds") or _folds(folder, experiment.protocol), key=_in_order)
    runs = [run for run in found if run.model in models and run.fold in folds]
    runs.sort(key=lambda run: (models.index(run.model), _in_order(run.fold)))
    done = {(run.model, run.fold) for run in runs}
    missing = [
        MissingRun(model, fold, failed.get((slug(model), fold)))
        for model in models
        for fold in folds
        if (model, fold) not in done
    ]
    # An earlier file with other models or another protocol has left them; their cases would be counted again.
    others = (run for run in found if run.model not in models or run.fold not in folds)
    unknown = sorted({f"{run.model}, {run.fold}" if run.model in models else run.model for run in others})
    return Results(folder, experiment, tuple(runs), tuple(folds), tuple(missing), tuple(unknown), overrides)


def read_curve(run: Run) -> list[CurvePoint]:
    """Return the training curve of a run; empty if it left none.

    Args:
        run: the run.

    Raises:
        ValueError: if the file is not such a table.
    """
    path = run.folder / "training_curve.csv"
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [
                CurvePoint(
                    int(row["epoch"]), int(row["iteration"]), float(row["loss"]), float(row["metric"] or math.nan)
                )
                for row in csv.DictReader(file)
            ]
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise ValueError(
            f"'{path}' is not a training curve ({error}): expected epoch,iteration,loss,metric; remove it."
        ) from None


def _load(path: Path) -> dict[str, Any]:
    try:
        return unsealed(path.read_text(encoding="utf-8"))[0]
    except (OSError, ValueError) as error:
        raise ValueError(f"'{path}' cannot be read as JSON ({error}): {_advice(path)}.") from None


def _advice(path: Path) -> str:
    return "restore it" if path.name == "experiment.json" else "remove its folder and run the experiment again"


def _run(path: Path) -> Run:
    content = _load(path)
    try:
        return _typed_run(path.parent, content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"'{path}' is not a record of a run ({reason}): {_advice(path)}.") from None


def _typed_run(folder: Path, content: Mapping[str, Any]) -> Run:
    parts = content["parts"]
    return Run(
        folder=folder,
        model=str(content["model"]),
        fold=str(content["fold"]),
        training=_names(parts.get("training", [])),
        validation=_names(parts.get("validation", [])),
        test=_names(parts["test"]),
        weights=str(content["weights"]),
        seed=_whole(content.get("seed")),
        epochs=int(content["epochs"]),
        iterations=int(content["iterations"]),
        batch_size=_whole(content.get("batch_size")),
        threads=int(content["threads"]),
        device=str(content["device"]),
        parameters=int(content["parameters"]),
        training_seconds=float(content["training_seconds"]),
        iteration_seconds=_number(content["iteration_seconds"]),
        frames_per_second=_number(content["frames_per_second"]),
        software=dict(content["software"]),
        machine=dict(content["machine"]),
        results={str(variant): _variant(result) for variant, result in content["results"].items()},
    )


def _variant(content: Mapping[str, Any]) -> VariantResult:
    return VariantResult(
        metrics={name: _number(value) for name, value in content["metrics"].items()},
        cases={
            case: {name: tuple(map(_number, values)) for name, values in metrics.items()}
            for case, metrics in content["cases"].items()
        },
        case_seconds={case: _number(value) for case, value in content["case_seconds"].items()},
    )


def _names(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise TypeError(f"a part is {given!r}, not a list of cases")
    return tuple(map(str, given))


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _failure(path: Path) -> str:
    return str(_load(path).get("error", "for an unknown reason"))


def _folds(folder: Path, protocol: Protocol) -> set[str]:
    """Return the folds of each model where they are not recorded: the protocol's, and those that have folders."""
    count = {"k-fold": protocol.folds, "random": protocol.repeats, "fixed": 1}.get(protocol.kind, 0)
    name = {"k-fold": "fold_{}", "random": "split_{}"}.get(protocol.kind, "fixed")
    known = {name.format(number) for number in range(1, min(count, protocol.first or count) + 1)}
    return known | {path.name for path in folder.glob("runs/*/*") if path.is_dir()}


def _in_order(name: str) -> list[tuple[int, str]]:
    """Return a key by which fold_2 comes before fold_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
