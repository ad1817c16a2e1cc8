"""Metrics of a run's label maps, per case and class, by the functions of ``nlseg evaluate``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monai_nlseg.evaluation import CasePair, LabelClass, Pairing, evaluate_pairing
from monai_nlseg.io.formats import is_picture
from monai_nlseg.training.cases.case import TrainingCase
from monai_nlseg.training.fingerprint.image import read_image_header
from monai_nlseg.training.fingerprint.label import read_label
from monai_nlseg.training.fitting.predict import label_file, write_labels
from monai_nlseg.training.fitting.run import Run

METRICS = ("dice", "sensitivity", "specificity", "hd95", "asd")
PREDICTIONS = "predictions"
MERGED = "labels"


def measure(run: Run, folder: Path, cases: Sequence[TrainingCase]) -> dict[str, Any]:
    """Measure the label maps of cases, and write ``cases.csv``, ``summary.json`` and ``metrics.png``.

    Args:
        run: the run.
        folder: folder whose ``predictions`` are measured.
        cases: the cases.

    Returns:
        The content of ``summary.json``.

    Raises:
        ValueError: if a case cannot be measured.
    """
    pairs = [
        CasePair(
            case.name, label_file(folder / PREDICTIONS, case.name, is_picture(case.images[0])), _label(case, folder)
        )
        for case in cases
    ]
    found = evaluate_pairing(
        Pairing(tuple(pairs), {}, {}),
        folder,
        [LabelClass(name, values) for name, values in zip(run.classes.names, run.shown)],
        METRICS,
        {"predictions": str(folder / PREDICTIONS), "labels": run.plan.found.data.source},
        jobs=1,
        ignore_label=run.classes.ignored,
    )
    if failures := found.report["cases"]["failures"]:
        case, reason = next(iter(failures.items()))
        raise ValueError(f"{len(failures)} cases cannot be measured, among them '{case}': {reason}")
    return found.report


def _label(case: TrainingCase, folder: Path) -> Path:
    """Return the file of a case's label map; several masks are merged into one."""
    if len(case.labels) == 1:
        return Path(case.labels[0])
    header = read_image_header(case)
    label, _ = read_label(case, header.grid)
    kind = np.uint8 if label.max() < 256 else np.uint16
    return write_labels(folder / MERGED, case.name, label.astype(kind), None if header.picture else header.grid.affine)


def mean_of_classes(report: dict[str, Any], metric: str = "dice") -> float | None:
    """Return the mean over the classes of a metric's mean over the cases; None without a number.

    Args:
        report: what :func:`measure` returned.
        metric: the metric.
    """
    means = [each["metrics"][metric]["mean"] for each in report["classes"].values()]
    known = [mean for mean in means if mean is not None and np.isfinite(mean)]
    return float(np.mean(known)) if known else None
