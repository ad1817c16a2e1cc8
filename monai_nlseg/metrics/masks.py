"""Checks of the masks that metrics compare."""

from __future__ import annotations

import torch
from monai.metrics.utils import ignore_background
from monai.utils import convert_to_tensor

__all__ = ["foreground_masks", "region_mask", "to_booleans"]


def foreground_masks(
    y_pred: torch.Tensor, y: torch.Tensor, include_background: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two one-hot masks as plain booleans, without channel 0 unless it is wanted or the only one.

    Args:
        y_pred: (B, C, *spatial), values 0 and 1, any dtype.
        y: the same.
        include_background: keep channel 0 of several.

    Returns:
        Two boolean tensors (B, C or C - 1, *spatial) on the devices of the input.

    Raises:
        ValueError: for shapes that differ or have no spatial axis, or other values than 0 and 1.
    """
    if y_pred.shape != y.shape or y_pred.dim() < 3:
        raise ValueError(
            f"y_pred has shape {tuple(y_pred.shape)} and y {tuple(y.shape)}: give two one-hot masks of one shape "
            "(B, C, spatial)."
        )
    masks = [to_booleans(y_pred, "y_pred"), to_booleans(y, "y")]
    return (masks[0], masks[1]) if include_background else ignore_background(masks[0], masks[1])


def region_mask(mask: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The mask of the voxels to evaluate, as a plain boolean tensor (B, 1, *spatial).

    Args:
        mask: (B, 1, *spatial), values 0 and 1.
        y: (B, C, *spatial), what is evaluated.

    Raises:
        ValueError: for another shape or other values.
    """
    expected = (y.shape[0], 1, *y.shape[2:])
    if tuple(mask.shape) != expected:
        raise ValueError(f"the mask has shape {tuple(mask.shape)}, expected {expected}: give one channel a case.")
    return to_booleans(mask, "the mask").to(y.device)


def to_booleans(mask: torch.Tensor, name: str) -> torch.Tensor:
    """A mask of any dtype as a plain boolean tensor.

    Raises:
        ValueError: for other values than 0 and 1, under the name given.
    """
    plain = convert_to_tensor(mask, track_meta=False).detach()
    if plain.dtype == torch.bool:
        return plain
    if not ((plain == 0) | (plain == 1)).all():
        raise ValueError(
            f"{name} holds values other than 0 and 1: give one-hot masks, as MONAI's AsDiscrete makes them."
        )
    return plain.bool()
