"""The end of a run: what follows the networks, the bundle, its scores, and its model card."""

from __future__ import annotations

import shutil
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from monai_nlseg.bundle.identity import software_versions
from monai_nlseg.io.files import name_beside
from monai_nlseg.machine import machine
from monai_nlseg.training.fitting.bundle_result import finish_bundle, write_card
from monai_nlseg.training.fitting.choices import Choices, choose, held_out_cases, labels_under
from monai_nlseg.training.fitting.held_out import read_found
from monai_nlseg.training.fitting.measure import PREDICTIONS, mean_of_classes, measure
from monai_nlseg.training.fitting.model import TRAINED
from monai_nlseg.training.fitting.predict import Predictor, write_labels
from monai_nlseg.training.fitting.progress import Progress, Watch
from monai_nlseg.training.fitting.run import Run
from monai_nlseg.training.fitting.run_files import read_run_file, require_run_file, write_run_file


def conclude(run: Run, watch: Watch) -> dict[str, Any]:
    """Choose what follows the networks, write the bundle, and measure it; return what is there if that is done.

    The test cases are segmented and measured once, by the finished bundle.

    Args:
        run: the run, whose folds are all done.
        watch: whoever watches.

    Returns:
        The content of ``result.json``, which is written last.

    Raises:
        Stopped: if it was asked to stop.
    """
    if (known := read_run_file(run.folder.result)) is not None and known["digest"] == run.digest:
        return known
    for leftover in run.folder.path.glob(".nlseg-*-bundle"):  # of a process that was killed here
        shutil.rmtree(leftover, ignore_errors=True)
    choices = choose(run, watch)
    validation = _validation(run, choices, watch)
    beside = run.folder.path / name_beside("bundle")
    try:
        shutil.copytree(run.folder.bundle, beside)
        finish_bundle(run, beside, choices)
        test = _test(run, beside, watch) if run.split.test else None
        result = _result(run, choices, validation, test)
        write_card(run, beside, choices, result)
        _replace(beside, run.folder.bundle)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    write_run_file(run.folder.result, result)
    return result


def _validation(run: Run, choices: Choices, watch: Watch) -> dict[str, Any]:
    """Return the metrics of the validation cases of all folds, with what was chosen."""
    folder = run.folder.evaluation
    cases = held_out_cases(run)
    for number, case in cases:
        watch.require_going()
        found = read_found(run.folder.fold(number), case)
        labels = labels_under(choices.threshold, choices.components, found, run.values)
        write_labels(folder / PREDICTIONS, case.name, labels, found.affine)
    watch.report(Progress("measuring", None, 0, len(cases)))
    return measure(run, folder, [case for _, case in cases])


def _test(run: Run, bundle: Path, watch: Watch) -> dict[str, Any]:
    """Return the metrics of the test cases, which the finished bundle segments."""
    cases = run.split.test
    predictor = Predictor(bundle, run.on_device)
    for done, case in enumerate(cases):
        watch.require_going()
        watch.report(Progress("predicting", None, done, len(cases)))
        prediction = predictor(case, probabilities=False)
        write_labels(run.folder.test / PREDICTIONS, case.name, prediction.labels, prediction.affine)
    return measure(run, run.folder.test, cases)


def _result(run: Run, choices: Choices, validation: dict[str, Any], test: dict[str, Any] | None) -> dict[str, Any]:
    trainings = [require_run_file(run.folder.fold(number) / TRAINED) for number in run.folds]
    return {
        "digest": run.digest,
        "folds": len(run.folds),
        "iterations": [training["iterations"] for training in trainings],
        "training_seconds": [round(training["training_seconds"], 1) for training in trainings],
        "validation": _scores(validation),
        "test": None if test is None else _scores(test),
        "choices": choices.sentences(run.classes.names),
        "mean_dice_before_choices": choices.before,
        "software": software_versions(),
        "machine": machine(),
        "ended": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def _scores(report: dict[str, Any]) -> dict[str, Any]:
    classes = {
        name: {
            metric: {key: found[key] for key in ("n", "mean", "std", "median")}
            for metric, found in each["metrics"].items()
        }
        for name, each in report["classes"].items()
    }
    return {"cases": report["cases"]["measured"], "mean_dice": mean_of_classes(report), "classes": _finite(classes)}


def _finite(value: Any) -> Any:
    """Return a value whose numbers are finite; others become None, as JSON has none."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return None if isinstance(value, float) and value - value != 0 else value


def _replace(beside: Path, bundle: Path) -> None:
    """Put a finished bundle in the place of the one without weights."""
    earlier = bundle.with_name(name_beside(bundle.name))
    bundle.rename(earlier)
    beside.rename(bundle)
    shutil.rmtree(earlier, ignore_errors=True)
