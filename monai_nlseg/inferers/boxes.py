"""Boxes of voxels: the part of an image that windows cover, and its place in the padded volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from monai.transforms.utils import generate_spatial_bounding_box

Box = tuple[slice, ...]


@dataclass(frozen=True)
class Region:
    """The part of an image that windows cover; the rest is background.

    Attributes:
        shape: voxels of the image.
        box: the part in the image.
        inside: the same part in the volume that windows are taken from, which may be padded.
    """

    shape: tuple[int, ...]
    box: Box
    inside: Box


def foreground_box(image: torch.Tensor) -> Box:
    """Return the smallest box outside which an image is zero.

    Args:
        image: (*spatial), any value range.

    Returns:
        One slice for each axis.

    Raises:
        ValueError: if the image is zero everywhere.
    """
    start, stop = generate_spatial_bounding_box(image[None], select_fn=lambda voxels: voxels != 0)
    if not all(stop):
        raise ValueError(f"the image of shape {list(image.shape)} is zero everywhere: there is no box to find.")
    return tuple(slice(*ends) for ends in zip(start, stop))


def pad_to(image: torch.Tensor, shape: Sequence[int]) -> tuple[torch.Tensor, Box]:
    """Pad an image with zeros on both sides, the larger half before it.

    Args:
        image: (C, *spatial).
        shape: voxels of the padded image, at least those of the image along each axis.

    Returns:
        The padded image (C, *shape), and the box of the image in it.
    """
    before = [-(-(size - length) // 2) for length, size in zip(image.shape[1:], shape)]
    inside = tuple(slice(pad, pad + length) for pad, length in zip(before, image.shape[1:]))
    pads = [pad for part, size in zip(inside[::-1], shape[::-1]) for pad in (part.start, size - part.stop)]
    return F.pad(image, pads) if any(pads) else image, inside


def all_channels(box: Box) -> Box:
    """Return the box in a tensor with one axis before the spatial ones.

    Args:
        box: one slice for each spatial axis.
    """
    return (slice(None), *box)
