"""The folders of a bundle's trainings in a server: what each was, and what came of it."""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import monai
import torch

from monai_nlseg import __version__
from monai_nlseg.files import written_beside
from monai_nlseg.label.served import ServedBundle
from monai_nlseg.label.training_data import LabelledImage
from monai_nlseg.label.training_run import Scores

__all__ = ["earlier_reports", "new_folder", "report_of", "serve", "statistics", "trained_on", "write_report"]


def new_folder(served: ServedBundle) -> Path:
    """Make the folder ``runs/N`` of the bundle, of the next number, whatever trainings that were killed have left."""
    runs = served.root / "runs"
    runs.mkdir(exist_ok=True)
    number = max((int(path.name) for path in runs.iterdir() if path.name.isdigit()), default=0)
    while True:
        number += 1
        try:
            (runs / str(number)).mkdir()
        except FileExistsError:  # another training's, which began at the same time
            continue
        return runs / str(number)


def serve(served: ServedBundle, trained: Path) -> Path | None:
    """Put trained weights in the place of those that are served, by renaming.

    Returns:
        Where the earlier ones are kept, ``model_earlier_1.pt`` or the next free number; None if there were none.
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
    """What ``report.json`` says of a training.

    Args:
        served: the bundle.
        training: what it was trained on.
        validation: what it was validated on.
        left_out: labelled images that are not of its kind: name -> reason.
        scores: before and after.
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
    """Write ``report.json``, by which a training counts as ended."""
    with written_beside(folder / "report.json") as beside:
        beside.write_text(json.dumps(report, indent=4) + "\n", encoding="utf-8")


def earlier_reports(served: ServedBundle) -> list[dict[str, Any]]:
    """Of the trainings of a model that have ended, the last one last."""
    paths = [path for path in (served.root / "runs").glob("*/report.json") if path.parent.name.isdigit()]
    ordered = sorted(paths, key=lambda path: int(path.parent.name))
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in ordered]
    return [report for report in reports if report["model"] == served.name]  # two models may be of one bundle


def trained_on(reports: Sequence[Mapping[str, Any]]) -> set[str]:
    """Names of images that served weights have been trained on."""
    return {name for report in reports if report["served"] for name in report["training"]}


def statistics(report: Mapping[str, Any]) -> dict[str, Any]:
    """Of a training, under the keys that MONAI Label's clients show: "best_metric" is that of what is served now."""
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
