"""Compare the size of labels with the sizes that are possible."""

from __future__ import annotations

import numpy as np

from monai_nlseg.requirements.requirements import SUM, ResultLimits
from monai_nlseg.requirements.words import between, percent, short


def unlike_labels(labels: np.ndarray, limits: ResultLimits, voxel_ml: float | None = None) -> list[str]:
    """Return which labels are smaller or larger than they can be, one sentence for each.

    Args:
        labels: (1, *spatial) label map of whole numbers, or (masks, *spatial) of 0 and 1, where mask i is label i + 1.
        limits: the limits of each label.
        voxel_ml: millilitres of a voxel; without it limits in ml are not checked.

    Returns:
        Sentences without a full stop; none for sizes within the limits.

    Examples::

        >>> limits = ResultLimits("share", {"1": (0.02, 0.8)}, {"1": "fetal head"})
        >>> unlike_labels(np.ones((1, 4, 4)), limits)
        ['fetal head fills 100 % of the image, expected 2 to 80 %: look at the image and the result']
    """
    if limits.unit == "ml" and voxel_ml is None:
        return []
    scale = float(voxel_ml) if limits.unit == "ml" and voxel_ml is not None else 1 / max(labels[0].size, 1)
    sentences = []
    for label, wanted in limits.ranges.items():
        size = scale * _voxels(labels, label)
        if wanted[0] <= size <= wanted[1]:
            continue
        name = "all labels together" if label == SUM else limits.names.get(label, f"label {label}")
        filled = f"fills {percent(size)} of the image" if limits.unit == "share" else f"has {short(size)} ml"
        filled = filled if label != SUM else filled.replace("fills", "fill").replace("has", "have")
        sentences.append(f"{name} {filled}, expected {between(wanted, limits.unit)}: look at the image and the result")
    return sentences


def _voxels(labels: np.ndarray, label: str) -> int:
    if label == SUM:
        return int(np.count_nonzero(labels.any(axis=0)))
    value = int(label)
    if len(labels) == 1:
        return int(np.count_nonzero(labels[0] == value))
    return int(np.count_nonzero(labels[value - 1])) if value <= len(labels) else 0
