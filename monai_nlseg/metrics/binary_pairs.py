"""What a metric of masks takes: a prediction and a reference, one-hot and alike."""

from __future__ import annotations

import torch
from monai.config.type_definitions import NdarrayOrTensor
from monai.metrics.utils import ignore_background
from monai.utils import convert_to_tensor

__all__ = ["binary_pair"]


def binary_pair(
    y_pred: NdarrayOrTensor, y: NdarrayOrTensor, include_background: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Prediction and reference as boolean masks, without the background.

    Args:
        y_pred: (B, C, *spatial) with two or three spatial dimensions, one-hot, values 0 and 1.
        y: of the same shape and kind.
        include_background: keep channel 0; a single channel is always kept.

    Returns:
        Two boolean tensors (B, C', *spatial), C' being C or C - 1, without meta data.

    Raises:
        ValueError: for other shapes, shapes that differ, no voxels, or other values than 0 and 1.
    """
    masks = [_binary(y_pred, "y_pred"), _binary(y, "y")]
    if masks[0].shape != masks[1].shape:
        shapes = [list(mask.shape) for mask in masks]
        raise ValueError(f"y_pred has shape {shapes[0]}, y has {shapes[1]}: give masks of one shape.")
    if include_background:
        return masks[0], masks[1]
    return ignore_background(*masks)


def _binary(masks: NdarrayOrTensor, name: str) -> torch.Tensor:
    masks = convert_to_tensor(masks, track_meta=False)
    if masks.dim() not in (4, 5) or 0 in masks.shape[1:]:
        raise ValueError(
            f"{name} has shape {list(masks.shape)}, expected (B, C, H, W) or (B, C, D, H, W) with at least one channel "
            "and voxel: give one-hot masks, a channel for each class."
        )
    positive = masks == 1
    other = ~(positive | (masks == 0))
    if other.any():
        raise ValueError(
            f"{name} holds {masks[other][0].item():.4g}, expected only 0 and 1: make it one-hot first, as "
            "AsDiscrete(argmax=True, to_onehot=C) does."
        )
    return positive
