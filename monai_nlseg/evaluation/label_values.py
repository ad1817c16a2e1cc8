"""Conversion of a file's numbers to labels, and the check that they are labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

WHOLE_TOLERANCE = 1e-3
"""Distance from a whole number by which float32 or a slope in the header may move a label."""
MOST_TOLERANCE = 0.1
FEW_VALUES = 12
"""Number of values up to which they are taken as labels wherever they lie."""


def whole_numbers(values: np.ndarray, path: Path, slope: float = 1.0) -> np.ndarray:
    """Return values as labels: integers of a type as small as in the file.

    Values within 0.001 of a whole number are rounded. A file that stores integers with a slope keeps values to within
    half the slope, so they may be off by that, but by at most 0.1.

    Args:
        values: numbers as read, of any shape.
        path: the file, named in the errors.
        slope: factor by which the stored integers were multiplied; 1 where there is none.

    Raises:
        ValueError: for values that are not finite, not whole numbers or do not fit into 32 bits.
    """
    kind = values.dtype.kind
    if kind not in "buif":
        raise ValueError(f"'{path}' holds {values.dtype} values: expected whole numbers as labels.")
    if kind == "f":
        bad = values.size - int(np.isfinite(values).sum())
        if bad:
            raise ValueError(
                f"'{path}' holds {bad} of {values.size} values that are NaN or infinite: set them to 0 if they are "
                "background, or to a value that --ignore-label leaves out."
            )
        whole = np.rint(values)
        tolerance = max(WHOLE_TOLERANCE, abs(slope) / 2 * 1.01 if abs(slope) < 2 * MOST_TOLERANCE else 0)
        off = np.abs(values - whole) > tolerance
        if off.any():
            raise ValueError(
                f"'{path}' holds values that are not whole numbers, such as {values[off][0]:.4g}: give label maps, not "
                "probabilities."
            )
        values = whole
    low, high = values.min(), values.max()
    if low < -(2**31) or high >= 2**31:
        raise ValueError(f"'{path}' holds values from {low} to {high}: expected labels of 32 bits.")
    if kind in "ui":
        return values  # not widened: a CT of the body would fill the memory
    return values.astype(np.int32 if kind == "f" else np.uint8)


def check_labels(values: np.ndarray, path: Path) -> None:
    """Check that many values are labels, which fill regions, and not intensities or probabilities, which vary.

    Args:
        values: (H, W) or (D, H, W) integers.
        path: the file, named in the error.

    Raises:
        ValueError: if there are more than 12 values and most of them nowhere fill a voxel and its neighbours.
    """
    count = len(np.unique(values))
    if count <= FEW_VALUES:
        return
    inner = np.ones(values.shape, bool)
    for axis in range(values.ndim):
        ahead, behind = (np.moveaxis(inner, axis, 0)[part] for part in (slice(1, None), slice(None, -1)))
        moved = np.moveaxis(values, axis, 0)
        same = moved[1:] == moved[:-1]
        ahead &= same
        behind &= same
    if len(np.unique(values[inner])) < count / 2:
        raise ValueError(
            f"'{path}' holds {count} different values that fill no regions, as intensities or probabilities do: give "
            "label maps."
        )
