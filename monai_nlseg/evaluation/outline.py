"""Label maps that hold the outline of a structure instead of the structure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monai_nlseg.evaluation.label_map import LabelMap
from monai_nlseg.transforms import FillContour

THIN = 0.25
"""Largest share of the region it encloses that an outline takes."""
FAR_BETTER = 2.0
"""Factor by which the Dice of the filled outline must exceed that of the outline."""


def is_outline_of(line: np.ndarray, mask: np.ndarray) -> bool:
    """Return whether one mask is a thin closed line that agrees with the other mask far better once it is filled.

    Vessels enclose large regions too, but these are not vessels in the other mask.

    Args:
        line, mask: boolean (H, W); for other shapes False is returned.
    """
    inside = region_of_outline(line)
    return inside is not None and bool(mask.any()) and _dice(inside, mask) > FAR_BETTER * _dice(line, mask)


def region_of_outline(mask: np.ndarray) -> np.ndarray | None:
    """Return the region that a mask encloses if it is a thin closed line, else None.

    Args:
        mask: boolean (H, W); for other shapes None is returned.
    """
    if mask.ndim != 2 or not mask.any():
        return None
    try:
        inside = _fill(mask)
    except ValueError:
        return None  # it encloses nothing
    return inside if mask.sum() <= THIN * inside.sum() else None


def filled(map_: LabelMap) -> LabelMap:
    """Return a map with its outline filled by :class:`monai_nlseg.transforms.FillContour`.

    Args:
        map_: label map of an outline.

    Raises:
        ValueError: for a volume, an outline of several values, or one that encloses nothing.
    """
    values = np.unique(map_.values[map_.values != 0])
    if map_.values.ndim != 2 or len(values) > 1:
        raise ValueError(
            f"'{map_.path}' has {map_.values.ndim} axes and the label values {values.tolist()[:5]}: --fill-contours "
            "takes pictures of one outline each."
        )
    if not len(values):
        return map_
    try:
        return replace(map_, values=_fill(map_.values != 0) * values[0])
    except ValueError:
        raise ValueError(
            f"'{map_.path}' encloses nothing: close the gap of its line, or leave --fill-contours out for filled masks."
        ) from None


def _fill(line: np.ndarray) -> np.ndarray:
    return np.asarray(FillContour()(line[np.newaxis]))[0].astype(bool)


def _dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())
