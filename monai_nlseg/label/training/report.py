"""The folders of a bundle's trainings on a server, and the report in each."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import monai
import torch

from monai_nlseg import __version__
from monai_nlseg.io.files import written_beside
from monai_nlseg.io.sealed import sealed, unsealed
from monai_nlseg.label.served import ServedBundle
from monai_nlseg.label.training.data import LabelledImage
from monai_nlseg.label.training.run import Scores

NEEDED = {"model", "served", "training", "score_before", "score_after", "epochs", "start_ts", "seconds", "metric"}


def new_folder(served: ServedBundle) -> Path:
    """Make the next folder ``runs/N`` of a bundle, also after trainings that were killed.

    Args:
        served: the bundle.
    """
    runs = served.root / "runs"
    runs.mkdir(exist_ok=True)
    number = max((int(path.name) for path in runs.iterdir() if path.name.isdigit()), default=0)
    while True:
        number += 1
        try:
            (runs / str(number)).mkdir()
        except FileExistsError:  # another training began at the same time
            continue
        return runs / str(number)


def serve(served: ServedBundle, trained: Path) -> Path | None:
    """Replace the served weights by trained ones, atomically.

    Args:
        served: the bundle.
        trained: path of the trained weights.

    Returns:
        The path of the earlier weights, ``model_earlier_1.pt`` or the next free number; None if there were none.
    """
    with served.busy:
        kept = _free_name(served.weights) if served.weights.is_file() else None
        if kept:
            with written_beside(kept) as beside:
                shutil.copy2(served.weights, beside)
        with written_beside(served.weights) as beside:
            shutil.copyfile(trained, beside)
    return kept


def _free_name(weights: Path) -> Path:
    count = 1
    while (path := weights.with_stem(f"{weights.stem}_earlier_{count}")).exists():
        count += 1
    return path


def report_of(
    served: ServedBundle,
    training: Sequence[LabelledImage],
    validation: Sequence[LabelledImage],
    left_out: Mapping[str, str],
    scores: Scores,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the content of ``report.json`` about a training.

    Args:
        served: the bundle.
        training: images that it was trained on.
        validation: images that it was validated on.
        left_out: labelled images that the bundle does not take: name -> reason.
        scores: scores before the training and after it.
        settings: further items.
    """
    return {
        "model": served.name,
        "bundle": {"name": served.root.name, "version": served.version},
        "training": {image.name: [image.image, image.label] for image in training},
        "validation": {image.name: [image.image, image.label] for image in validation},
        "left_out": dict(left_out),
        "metric": scores.metric,
        "score_before": scores.before,
        "score_after": scores.after,
        "best_epoch": scores.best_epoch,
        "scores": {str(epoch): score for epoch, score in scores.epochs.items()},
        **settings,
        "versions": {"monai_nlseg": __version__, "monai": monai.__version__, "torch": torch.__version__},
    }


def write_report(folder: Path, report: Mapping[str, Any]) -> None:
    """Write ``report`` as ``report.json`` into ``folder``; a training counts as ended once it has one."""
    with written_beside(folder / "report.json") as beside:
        beside.write_text(sealed(report, indent=4) + "\n", encoding="utf-8")


def earlier_reports(served: ServedBundle) -> list[dict[str, Any]]:
    """Return the reports of the trainings of a model that have ended, in the order of the trainings.

    Args:
        served: the model's bundle.

    Raises:
        ValueError: if one is damaged: without it, it is unknown what the served weights have been trained on.
    """
    paths = [path for path in (served.root / "runs").glob("*/report.json") if path.parent.name.isdigit()]
    ordered = sorted(paths, key=lambda path: int(path.parent.name))
    reports = [_read(path) for path in ordered]
    return [report for report in reports if report["model"] == served.name]  # two models may share one bundle


def _read(path: Path) -> dict[str, Any]:
    try:
        report = unsealed(path.read_text(encoding="utf-8"))[0]
        if not report.keys() >= NEEDED:
            raise ValueError("it is not a report of a training")
    except (OSError, ValueError) as error:
        raise ValueError(f"'{path}' is damaged ({error}): restore it, or remove its folder.") from None
    return report


def trained_on(reports: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the names of the images that served weights have been trained on, according to ``reports``."""
    return {name for report in reports if report["served"] for name in report["training"]}


def statistics(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of a training under the keys that MONAI Label's clients show.

    Args:
        report: see :func:`report_of`.

    Returns:
        Among others "best_metric", the score of the weights that are served after the training.
    """
    scores = [score for score in (report["score_before"], report["score_after"]) if score is not None]
    best = max(scores, default=None)
    return {
        "epoch": report["epochs"],
        "total_epochs": report["epochs"],
        "start_ts": report["start_ts"],
        "total_time": str(datetime.timedelta(seconds=round(report["seconds"]))),
        "best_metric": best,
        "eval": {
            "key_metric_name": report["metric"],
            "best_metric": best,
            "best_metric_epoch": report["best_epoch"] if report["served"] else 0,
        },
        "result": report["result"],
    }
