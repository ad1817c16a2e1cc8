"""Input of a metric of masks: one-hot prediction and label of one shape, and the voxels to evaluate."""

from __future__ import annotations

import torch
from monai.config.type_definitions import NdarrayOrTensor
from monai.metrics.utils import ignore_background
from monai.utils import convert_to_tensor


def mask_pair(
    y_pred: NdarrayOrTensor, y: NdarrayOrTensor, include_background: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return two one-hot masks as plain booleans, without channel 0 unless it is wanted or the only one.

    Args:
        y_pred: (B, C, *spatial), values 0 and 1, any dtype.
        y: the same.
        include_background: keep channel 0 of several.

    Returns:
        Two boolean tensors (B, C or C - 1, *spatial) on the devices of the input, without meta data. Boolean masks
        are not checked again, so that passing a pair on costs nothing.

    Raises:
        ValueError: for shapes that differ, have no spatial axis or are empty, or values other than 0 and 1.
    """
    check_shapes(y_pred, y, "one-hot masks, a channel for each class")
    masks = to_booleans(y_pred, "y_pred"), to_booleans(y, "y")
    return masks if include_background else ignore_background(*masks)


def check_shapes(y_pred: NdarrayOrTensor, y: NdarrayOrTensor, wanted: str) -> None:
    """Check that two arrays are (B, C, *spatial) of one shape.

    Args:
        y_pred: prediction.
        y: label.
        wanted: what the two should be, for the error.

    Raises:
        ValueError: for other shapes.
    """
    shapes = list(y_pred.shape), list(y.shape)
    for name, shape in zip(("y_pred", "y"), shapes):
        if len(shape) < 3 or 0 in shape[1:]:
            raise ValueError(
                f"{name} has shape {shape}, expected (B, C, spatial) with at least one channel and voxel: give "
                f"{wanted}."
            )
    if shapes[0] != shapes[1]:
        raise ValueError(f"y_pred has shape {shapes[0]}, y has {shapes[1]}: give {wanted}, of one shape.")


def region_mask(mask: NdarrayOrTensor, y: torch.Tensor) -> torch.Tensor:
    """Return the mask of the voxels to evaluate, as a plain boolean tensor (B, 1, *spatial) on the device of ``y``.

    Args:
        mask: (B, 1, *spatial), values 0 and 1.
        y: label that is evaluated, (B, C, *spatial).

    Raises:
        ValueError: for another shape or other values.
    """
    expected = [len(y), 1, *y.shape[2:]]
    if list(mask.shape) != expected:
        raise ValueError(f"the mask has shape {list(mask.shape)}, expected {expected}: give one channel for each case.")
    return to_booleans(mask, "the mask").to(y.device)


def to_booleans(mask: NdarrayOrTensor, name: str) -> torch.Tensor:
    """Return a mask of any dtype as a plain boolean tensor.

    Args:
        mask: values 0 and 1, any shape.
        name: its name in the error.

    Raises:
        ValueError: for values other than 0 and 1.
    """
    plain = convert_to_tensor(mask, track_meta=False).detach()
    if plain.dtype == torch.bool:
        return plain
    positive = plain == 1
    other = ~(positive | (plain == 0))
    if other.any():
        raise ValueError(
            f"{name} holds {plain[other][0].item():.4g}, expected only 0 and 1: make it one-hot first, as "
            "AsDiscrete(argmax=True, to_onehot=C) does."
        )
    return positive
