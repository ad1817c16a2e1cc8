"""What is counted of a label map."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from monai_nlseg.cohort.records import LabelStatistics

__all__ = ["label_statistics"]


def label_statistics(
    labels: np.ndarray, names: Mapping[int, str], voxel_ml: float | None, masks: bool = False
) -> dict[str, LabelStatistics]:
    """Voxels, connected components and volume of each label that is named or found.

    Args:
        labels: (*spatial) integers, 0 is background; with ``masks`` (masks, *spatial) of 0 and 1, mask i being label
            i + 1.
        names: label -> name; others are named by their value.
        voxel_ml: millilitres of a voxel, None where there is no such size.

    Returns:
        str(label) -> statistics; voxels of a component share faces.
    """
    if masks:
        boxes = {index + 1: mask for index, mask in enumerate(labels)}
    else:
        found = ndimage.find_objects(labels)
        boxes = {value: labels[box] == value for value, box in enumerate(found, 1) if box is not None}
    statistics: dict[str, LabelStatistics] = {}
    for value in sorted({*boxes, *names} - {0}):
        mask = boxes.get(value, np.zeros((1,), bool))
        voxels = int(np.count_nonzero(mask))
        about = LabelStatistics(
            name=names.get(value, str(value)), voxels=voxels, components=int(ndimage.label(mask)[1])
        )
        if voxel_ml is not None:
            about["ml"] = round(voxels * voxel_ml, 6)
        statistics[str(value)] = about
    return statistics
