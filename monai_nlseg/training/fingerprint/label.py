"""The label map of a case, on the grid of its image."""

from __future__ import annotations

import numpy as np

from monai_nlseg.errors import listed, message
from monai_nlseg.evaluation.grid import in_order_of
from monai_nlseg.evaluation.label_map import read_label_map
from monai_nlseg.training.cases.case import Classes, TrainingCase
from monai_nlseg.training.fingerprint.fault import Fault
from monai_nlseg.training.fingerprint.grid import Grid, difference, grid_of

COUNTED = 1 << 16
"""Number of label values up to which they are counted in a table; others are sorted, which takes longer."""


def read_label(case: TrainingCase, grid: Grid) -> tuple[np.ndarray, bool]:
    """Read the label maps of a case and merge them by their union.

    Args:
        case: the case.
        grid: grid of its image.

    Returns:
        The values, of the shape of the grid, and whether the files store their axes in another order or direction.

    Raises:
        Fault: for a file that cannot be read, holds anything but whole numbers, or lies on another grid, and for masks
            that overlap with different values, of which only one could stand.
    """
    merged, turned = None, False
    for path in case.labels:
        try:
            map_ = read_label_map(path)
        except (ValueError, OSError) as error:
            raise Fault("label", message(error)) from None
        aligned = in_order_of(map_, grid.as_map())
        if found := difference(grid_of(aligned), grid):
            raise Fault("grid", found)
        turned |= aligned is not map_
        merged = aligned.values if merged is None else _union(merged, aligned.values)
    if merged is None:
        raise Fault("label", "there is no label map")
    return merged, turned


def _union(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    both = (one != 0) & (other != 0) & (one != other)
    if both.any():
        place = np.unravel_index(both.argmax(), both.shape)
        raise Fault(
            "label",
            f"two of its label maps overlap, where one has the value {one[place]} and another {other[place]}; only "
            "masks of one value are merged",
        )
    return np.maximum(one, other)


def count_values(label: np.ndarray, classes: Classes | None) -> dict[int, int]:
    """Count the voxels of each value of a label map.

    Args:
        label: integers of any shape.
        classes: what the values mean; None if any value from 1 may be a class.

    Returns:
        Value -> number of voxels; 0 always.

    Raises:
        Fault: for values that no class has.
    """
    if label.min() >= 0 and label.max() < COUNTED:
        length = int(label.max()) + 1
        # A slice at a time, because each value becomes 8 bytes.
        counts = np.zeros(length, np.intp)
        for part in np.moveaxis(label, -1, 0):
            counts += np.bincount(part.ravel(), minlength=length)
        found = {int(value): int(counts[value]) for value in np.flatnonzero(counts)}
    else:
        values, numbers = np.unique(label, return_counts=True)
        found = dict(zip(values.tolist(), numbers.tolist()))
    if classes is None:
        unknown = [value for value in found if value < 0]
    else:
        known = {0, classes.ignored, *(value for each in classes.foreground for value in each.values)}
        unknown = [value for value in found if value not in known]
    if unknown:
        raise Fault("values", f"values {listed(unknown)}")
    return {0: 0} | found
