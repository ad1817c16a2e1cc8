"""The box of voxels in which a metric is computed."""

from __future__ import annotations

import numpy as np
import torch
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms.utils import generate_spatial_bounding_box
from monai.utils import convert_to_tensor

from monai_nlseg.metrics.masks import mask_pair

Box = tuple[slice, ...]
Roi = np.ndarray | torch.Tensor | str | None


def evaluation_boxes(y_pred: NdarrayOrTensor, y: NdarrayOrTensor, roi: Roi = None) -> list[Box]:
    """Return the box of each case in which a metric compares it; report the box with every value that depends on it.

    Args:
        y_pred: prediction (B, C, *spatial), one-hot, values 0 and 1.
        y: reference of the same shape and kind.
        roi: None or "full" for the whole volume; "nonzero" for the smallest box that holds all foreground of
            prediction and reference together, one box for all classes of a case (channel 0 is foreground only where
            it is the only channel), the whole volume where there is none; or a mask (B, 1, *spatial), whose non-zero
            voxels are boxed for each case, for example the paper's non-zero T1: ``image != 0``.

    Returns:
        One box for each case, with one slice for each spatial axis.

    Raises:
        ValueError: for masks that are not one-hot or differ in shape, an unknown word, a mask of another shape, or a
            mask that is empty.
    """
    pred, label = mask_pair(y_pred, y)
    whole = tuple(slice(0, size) for size in label.shape[2:])
    if roi is None or (isinstance(roi, str) and roi == "full"):
        return [whole] * len(label)
    if isinstance(roi, str):
        if roi != "nonzero":
            raise ValueError(f"roi is '{roi}', expected 'full', 'nonzero' or a mask: give one of them.")
        return [occupied_box(either) or whole for either in pred | label]

    masks = convert_to_tensor(roi, track_meta=False) != 0
    expected = [len(label), 1, *label.shape[2:]]
    if list(masks.shape) != expected:
        raise ValueError(f"the roi mask has shape {list(masks.shape)}, expected {expected}: give a mask for each case.")
    boxes = []
    for case, mask in enumerate(masks):
        box = occupied_box(mask)
        if box is None:
            raise ValueError(f"the roi mask of case {case} is empty: mark the voxels to compare, or give roi='full'.")
        boxes.append(box)
    return boxes


def occupied_box(masks: torch.Tensor) -> Box | None:
    """Return the smallest box that holds every true voxel of some masks; None if there is none.

    Args:
        masks: boolean (C, *spatial).
    """
    start, stop = generate_spatial_bounding_box(masks)
    return tuple(slice(*ends) for ends in zip(start, stop)) if all(stop) else None
