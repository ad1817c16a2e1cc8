"""Measurement of one case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from monai_nlseg.errors import sentence
from monai_nlseg.evaluation.classes import LabelClass, check_values
from monai_nlseg.evaluation.grid import check_same_grid, in_order_of
from monai_nlseg.evaluation.label_map import LabelMap, read_label_map
from monai_nlseg.evaluation.measures import compute_metrics
from monai_nlseg.evaluation.outline import filled, is_outline_of
from monai_nlseg.evaluation.pairs import CasePair
from monai_nlseg.evaluation.region import Region, find_region

LABEL_IS_OUTLINE = "the label map is an outline, and the prediction a filled region: give --fill-contours to fill it"
PREDICTION_IS_OUTLINE = "the prediction is an outline, and the label map a filled region: fill the prediction first"


@dataclass(frozen=True)
class ClassResult:
    """The result of one class of one case.

    Attributes:
        class_name: name of the class.
        state: "found" (in both maps), "missed" (only in the label), "spurious" (only in the prediction) or "absent".
        values: value of each metric; NaN where it is not defined.
    """

    class_name: str
    state: str
    values: dict[str, float]


@dataclass(frozen=True)
class CaseResult:
    """The result of one case: results of its classes, or the reason why there are none.

    Attributes:
        case: name of the case.
        box: the region's box in voxels, as "0:4,0:5,0:6" (half open).
        classes: one result for each class, in order.
        unit: unit of the distances: "mm", or "pixel" for images, which hold no spacing.
        failure: reason why the case could not be measured, or None.
        doubt: reason why the values, although right for these maps, are probably not what was meant, or None.
    """

    case: str
    box: str = ""
    classes: tuple[ClassResult, ...] = field(default=())
    unit: str = "mm"
    failure: str | None = None
    doubt: str | None = None


def evaluate_case(
    pair: CasePair,
    classes: Sequence[LabelClass],
    metrics: Sequence[str],
    roi: str = "full",
    ignore_label: int | None = None,
    fill_contours: bool = False,
) -> CaseResult:
    """Read the maps of a case, check that they belong together, and measure each class.

    A prediction whose axes have another order or direction than the label map's is reoriented first, which is exact.

    Args:
        pair: the files.
        classes: the classes; another value in either map is a failure.
        metrics: names from :data:`monai_nlseg.evaluation.METRICS`.
        roi: "full", "nonzero" or "mask", see :func:`monai_nlseg.evaluation.region.find_region`.
        ignore_label: value of the label map whose voxels are left out of the region, so that they are background in
            both maps for the distances; None to measure all.
        fill_contours: whether the label maps are outlines, to be filled first.

    Returns:
        The result. An error of the case is not raised: it is the result's ``failure``.
    """
    try:
        return _evaluate(pair, classes, metrics, roi, ignore_label, fill_contours)
    except Exception as error:  # the other cases go on; the table and the summary state the failure
        return CaseResult(pair.case, failure=sentence(error))


def _evaluate(
    pair: CasePair,
    classes: Sequence[LabelClass],
    metrics: Sequence[str],
    roi: str,
    ignore_label: int | None,
    fill_contours: bool,
) -> CaseResult:
    label = read_label_map(pair.label)
    prediction = in_order_of(read_label_map(pair.prediction), label)
    if fill_contours:
        label = filled(label)
    check_same_grid(prediction, label)
    counted = ... if ignore_label is None else label.values != ignore_label
    for map_ in (prediction, label):
        check_values(map_.values[counted], classes, map_.path)
    region = find_region(pair, prediction, label, roi, ignore_label)
    inside = None if region.inside is None else torch.from_numpy(region.inside)[None, None]
    results = []
    # One class at a time: all classes of a whole-brain parcellation together would not fit into memory.
    for each in classes:
        y_pred, y = (_one_hot(map_.values, each, region) for map_ in (prediction, label))
        values = compute_metrics(metrics, y_pred, y, label.spacing, inside)
        results.append(ClassResult(each.name, _state(y_pred, y), values))
    unit = "pixel" if label.is_image else "mm"
    return CaseResult(pair.case, str(region), tuple(results), unit, doubt=_doubt(prediction, label))


def _one_hot(values: np.ndarray, label_class: LabelClass, region: Region) -> torch.Tensor:
    """Return the class as boolean (1, 1, spatial), false outside the region."""
    chosen = np.isin(values, label_class.values)
    return torch.from_numpy(chosen if region.inside is None else chosen & region.inside)[None, None]


def _state(y_pred: torch.Tensor, y: torch.Tensor) -> str:
    states = {(True, True): "found", (False, True): "missed", (True, False): "spurious", (False, False): "absent"}
    return states[bool(y_pred.any()), bool(y.any())]


def _doubt(prediction: LabelMap, label: LabelMap) -> str | None:
    predicted, true = prediction.values != 0, label.values != 0
    if is_outline_of(true, predicted):
        return LABEL_IS_OUTLINE
    return PREDICTION_IS_OUTLINE if is_outline_of(predicted, true) else None
