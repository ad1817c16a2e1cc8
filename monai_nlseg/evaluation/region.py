"""The part of the grid in which a case is measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from monai.transforms.utils import generate_spatial_bounding_box

from monai_nlseg.evaluation.grid import check_same_grid, in_order_of
from monai_nlseg.evaluation.label_map import LabelMap, read_label_map
from monai_nlseg.evaluation.pairs import CasePair

ROI_MODES = ("full", "nonzero", "mask")


@dataclass(frozen=True)
class Region:
    """The voxels of a case that count.

    Attributes:
        box: smallest box that holds them, a slice for each axis.
        inside: boolean, of the shape of the whole grid, or None where all voxels count.
    """

    box: tuple[slice, ...]
    inside: np.ndarray | None = None

    def __str__(self) -> str:
        return ",".join(f"{part.start}:{part.stop}" for part in self.box)


def find_region(
    pair: CasePair, prediction: LabelMap, label: LabelMap, roi: str, ignore_label: int | None = None
) -> Region:
    """Return the region of a case.

    Args:
        pair: the case, whose ``mask`` is read for the roi "mask".
        prediction, label: its maps, on one grid.
        roi: "full" for the whole grid; "nonzero" for the smallest box that holds the foreground of both maps
            (the whole grid without foreground); "mask" for the voxels where the mask is not zero.
        ignore_label: value of the label map whose voxels are left out, or None.

    Raises:
        ValueError: for a mask that is missing, unreadable, on another grid or zero everywhere, and if no voxel
            is left to measure.
    """
    counted = np.ones(label.values.shape, bool) if ignore_label is None else label.values != ignore_label
    box = tuple(slice(0, size) for size in label.values.shape)
    inside = np.zeros(label.values.shape, bool)
    if roi == "mask":
        in_mask = _mask(pair, label)
        box, inside = _bounding_box(in_mask), in_mask & counted
    elif roi == "nonzero":
        either = ((prediction.values != 0) | (label.values != 0)) & counted
        box = _bounding_box(either) if either.any() else box
        inside[box] = counted[box]
    else:
        inside = counted
    if not inside.any():
        raise ValueError(f"'{label.path}' holds only the label to ignore, {ignore_label}, where it would be measured.")
    return Region(box, None if inside.all() else inside)


def _mask(pair: CasePair, label: LabelMap) -> np.ndarray:
    if pair.mask is None:
        raise ValueError(f"there is no mask of case '{pair.case}': add it to the folder of masks.")
    mask = in_order_of(read_label_map(pair.mask), label)
    check_same_grid(mask, label)
    inside = mask.values != 0
    if not inside.any():
        raise ValueError(f"the mask '{pair.mask}' is zero everywhere: expected the region to evaluate.")
    return inside


def _bounding_box(inside: np.ndarray) -> tuple[slice, ...]:
    return tuple(slice(*ends) for ends in zip(*generate_spatial_bounding_box(inside[None])))
