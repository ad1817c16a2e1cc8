"""Where windows stand."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from monai.transforms.utils import generate_spatial_bounding_box
from monai.utils import ensure_tuple_rep

__all__ = [
    "Box",
    "Sizes",
    "all_channels",
    "empty_windows",
    "foreground_box",
    "undivided",
    "window_corners",
    "window_sizes",
    "window_starts",
]

Box = tuple[slice, ...]
Sizes = int | None | Sequence[int | None]


def undivided(roi_size: Sizes, axes: int) -> tuple[bool, ...]:
    """Return for each axis whether one window covers it: as in MONAI, where the window's size is None or not positive.

    Args:
        roi_size: voxels of a window, one number for all axes or one for each axis.
        axes: number of spatial axes.

    Raises:
        ValueError: for sizes of another number of axes.
    """
    return tuple(size is None or size < 1 for size in ensure_tuple_rep(roi_size, axes))


def window_sizes(
    shape: Sequence[int], roi_size: Sizes, step: int | Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the window and the step along each axis of an image.

    Args:
        shape: voxels of the image.
        roi_size: voxels of a window; None or not positive for all of the axis, where the step does not matter.
        step: voxels from one window to the next.

    Raises:
        ValueError: for sizes of another number of axes.

    Examples::

        >>> window_sizes((40, 36), roi_size=(16, -1), step=8)
        ((16, 36), (8, 36))
    """
    whole = undivided(roi_size, len(shape))
    sizes = zip(whole, shape, ensure_tuple_rep(roi_size, len(shape)), ensure_tuple_rep(step, len(shape)))
    pairs = [(length, length) if all_of_it else (roi, stride) for all_of_it, length, roi, stride in sizes]
    roi, steps = zip(*pairs)
    return roi, steps


def window_starts(length: int, roi: int, step: int) -> list[int]:
    """First voxels of the windows along one axis: every ``step`` voxels, the last window flush with the end.

    There are ``ceil((length - roi) / step) + 1`` of them.

    Args:
        length: voxels along the axis, at least ``roi``.
        roi: voxels of a window along the axis.
        step: voxels from one window to the next, 1 to ``roi``.

    Raises:
        ValueError: for a length below the window or a step that is not within 1 to ``roi``.

    Source: Non-local U-Nets, section "Inference"; the placement of the last window is the published code's.

    Examples::

        >>> window_starts(100, 32, 16)
        [0, 16, 32, 48, 64, 68]
    """
    if length < roi:
        raise ValueError(f"an axis of {length} voxels is shorter than the window of {roi}: pad it to {roi}.")
    if not 1 <= step <= roi:
        raise ValueError(f"step {step} does not fit a window of {roi}: give 1 to {roi}, so that no voxel is left out.")
    starts = list(range(0, length - roi + 1, step))
    if starts[-1] != length - roi:
        starts.append(length - roi)
    return starts


def window_corners(
    shape: Sequence[int], roi: Sequence[int], step: Sequence[int], axis: int = 0
) -> list[tuple[int, ...]]:
    """First voxels of all windows in a volume, ordered along ``axis``.

    Args:
        shape: voxels of the volume, at least ``roi`` along each axis.
        roi: voxels of a window.
        step: voxels from one window to the next.
        axis: the axis along which starts never decrease from one window to the next.
    """
    starts = [window_starts(*sizes) for sizes in zip(shape, roi, step)]
    starts.insert(0, starts.pop(axis))
    corners = itertools.product(*starts)
    return [(*corner[1 : axis + 1], corner[0], *corner[axis + 1 :]) for corner in corners]


def foreground_box(image: torch.Tensor) -> Box:
    """Smallest box outside which ``image`` is zero.

    Args:
        image: (*spatial), any value range.

    Returns:
        One slice an axis.

    Raises:
        ValueError: if the image is zero everywhere.
    """
    start, stop = generate_spatial_bounding_box(image[None], select_fn=lambda voxels: voxels != 0)
    if not all(stop):
        raise ValueError(f"the image of shape {list(image.shape)} is zero everywhere: there is no box to find.")
    return tuple(slice(*ends) for ends in zip(start, stop))


def empty_windows(image: torch.Tensor, corners: Sequence[tuple[int, ...]], roi: Sequence[int], axis: int) -> list[bool]:
    """For each window whether every channel of ``image`` is zero throughout it.

    Args:
        image: (C, *spatial).
        corners: windows with the same start along ``axis``: one layer of a volume.
        roi: voxels of a window.
        axis: the axis of the layer.
    """
    layer = image.narrow(axis + 1, corners[0][axis], roi[axis])
    # Sums over windows from running sums along each axis, so that the cost does not grow with the overlap.
    occupied = layer.any(dim=axis + 1).any(dim=0).to(torch.int32)
    across = [other for other in range(len(roi)) if other != axis]
    for position, other in enumerate(across):
        size = roi[other]
        running = torch.zeros_like(occupied.narrow(position, 0, 1))
        running = torch.cat([running, occupied.cumsum(position, dtype=torch.int32)], dim=position)
        length = occupied.shape[position] - size + 1
        occupied = running.narrow(position, size, length) - running.narrow(position, 0, length)
    index = torch.tensor([[corner[other] for other in across] for corner in corners], device=image.device)
    return (occupied[tuple(index.T)] == 0).flatten().tolist() if across else [not bool(occupied)] * len(corners)


def all_channels(box: Box) -> Box:
    """The same box in a tensor with one axis before the spatial ones."""
    return (slice(None), *box)
