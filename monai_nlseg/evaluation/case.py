"""Measure one case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from monai_nlseg.errors import sentence
from monai_nlseg.evaluation.classes import LabelClass, check_values
from monai_nlseg.evaluation.label_map import check_same_grid, read_label_map
from monai_nlseg.evaluation.measures import compute_metrics
from monai_nlseg.evaluation.pairs import CasePair
from monai_nlseg.evaluation.region import Region, find_region

__all__ = ["CaseResult", "ClassResult", "evaluate_case"]


@dataclass(frozen=True)
class ClassResult:
    """One class of one case.

    Attributes:
        class_name: name of the class.
        state: "found" in both maps, "missed" (in the label alone), "spurious" (in the prediction alone) or "absent".
        values: metric -> value; NaN where the metric has none.
    """

    class_name: str
    state: str
    values: dict[str, float]


@dataclass(frozen=True)
class CaseResult:
    """What came of one case: results of its classes, or the sentence that says why there are none.

    Attributes:
        case: name of the case.
        box: the region's box in voxels, as "0:4,0:5,0:6" (half open).
        classes: one result for each class, in order.
        unit: of the distances: "mm", or "pixel" of images, which hold no spacing.
        failure: None, or why the case could not be measured.
    """

    case: str
    box: str = ""
    classes: tuple[ClassResult, ...] = field(default=())
    unit: str = "mm"
    failure: str | None = None


def evaluate_case(
    pair: CasePair, classes: Sequence[LabelClass], metrics: Sequence[str], roi: str = "full"
) -> CaseResult:
    """Read the maps of a case, check that they belong together, and measure each class.

    Args:
        pair: the files.
        classes: the classes; another value in either map is a failure.
        metrics: names from :data:`monai_nlseg.evaluation.METRICS`.
        roi: "full", "nonzero" or "mask", see :func:`monai_nlseg.evaluation.region.find_region`.

    Returns:
        The result. It never raises for a case: what goes wrong is the result's ``failure``.
    """
    try:
        return _evaluate(pair, classes, metrics, roi)
    except Exception as error:  # whatever one case does, the others go on, and it is told in the table and the summary
        return CaseResult(pair.case, failure=sentence(error))


def _evaluate(pair: CasePair, classes: Sequence[LabelClass], metrics: Sequence[str], roi: str) -> CaseResult:
    prediction, label = read_label_map(pair.prediction), read_label_map(pair.label)
    check_same_grid(prediction, label)
    check_values(prediction, classes)
    check_values(label, classes)
    region = find_region(pair, prediction, label, roi)
    inside = None if region.inside is None else torch.from_numpy(region.inside)[None, None]
    results = []
    # One class at a time: all of a whole-brain parcellation at once would not fit into memory.
    for each in classes:
        y_pred, y = (_one_hot(map_.values, each, region) for map_ in (prediction, label))
        values = compute_metrics(metrics, y_pred, y, label.spacing, inside)
        results.append(ClassResult(each.name, _state(y_pred, y), values))
    return CaseResult(pair.case, str(region), tuple(results), "pixel" if label.is_image else "mm")


def _one_hot(values: np.ndarray, label_class: LabelClass, region: Region) -> torch.Tensor:
    """The class as boolean (1, 1, spatial), false outside the region."""
    chosen = np.isin(values, label_class.values)
    return torch.from_numpy(chosen if region.inside is None else chosen & region.inside)[None, None]


def _state(y_pred: torch.Tensor, y: torch.Tensor) -> str:
    states = {(True, True): "found", (False, True): "missed", (True, False): "spurious", (False, False): "absent"}
    return states[bool(y_pred.any()), bool(y.any())]
