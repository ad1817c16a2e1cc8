"""What a training step sees: window, batch and classes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning.choice import Choice
from monai_nlseg.training.planning.geometry import is_anisotropic, is_thin
from monai_nlseg.training.planning.measures import median_shape, voxel_size
from monai_nlseg.training.planning.words import by

SIDE = {False: 48, True: 64}
"""Side of a cubic window of an isotropic volume, by whether there is a GPU."""
THIN_SIDE = 128
PICTURES, WINDOWS, THIN_WINDOWS = 8, 2, 8


def choose_window(
    found: Fingerprint,
    spacing: Sequence[float] | None,
    size: Sequence[int] | None,
    divisor: int,
    smallest: int,
    gpu: bool,
) -> Choice[tuple[int, ...]]:
    """Choose the voxels of a window: the picture itself, a square of it, or a box of the same mm along each axis.

    Args:
        found: the fingerprint.
        spacing: mm that volumes are resampled to, or None.
        size: rows and columns that pictures are resized to, or None.
        divisor: number that each side must be divisible by.
        smallest: smallest side that the network takes.
        gpu: whether there is a GPU.
    """
    if found.spatial_dims == 3:
        return _box(median_shape(found, spacing), voxel_size(found, spacing), divisor, smallest, gpu)
    if size is not None and not is_thin(found):
        window = tuple(_multiple(side, divisor, smallest) for side in size)
        return Choice(window, f"The whole picture of {by(size)}.")
    shape = size or median_shape(found)
    window = tuple(_multiple(min(THIN_SIDE, side), divisor, smallest) for side in shape)
    return Choice(
        window, f"Windows of {by(window)} of pictures of {by(shape)}, so that the structures keep their width."
    )


def _box(
    shape: Sequence[float], spacing: Sequence[float], divisor: int, smallest: int, gpu: bool
) -> Choice[tuple[int, ...]]:
    side = SIDE[gpu]
    mean = math.prod(spacing) ** (1 / len(spacing))
    wanted = [side * mean / mm for mm in spacing] if is_anisotropic(spacing) else [side] * len(spacing)
    sides = [min(wish, extent) for wish, extent in zip(wanted, shape)]
    # What a short axis does not need goes to the others.
    spare = side ** len(spacing) / math.prod(sides)
    free = [axis for axis, (wish, extent) in enumerate(zip(wanted, shape)) if wish < extent]
    grown = [
        min(extent, one * (spare ** (1 / len(free)) if axis in free else 1))
        for axis, (one, extent) in enumerate(zip(sides, shape))
    ]
    window = tuple(_multiple(one, divisor, smallest) for one in grown)
    reason = f"The median volume has {by([round(extent) for extent in shape])} voxels of {by(spacing)} mm"
    if is_anisotropic(spacing):
        reason += ", so a window is flat in voxels, and nearer to a cube in mm"
    return Choice(
        window, f"{reason}; as many voxels as {side} cubed fit a step on {'a GPU' if gpu else 'a processor'}."
    )


def _multiple(side: float, divisor: int, smallest: int) -> int:
    return max(math.ceil(smallest / divisor), round(side / divisor), 1) * divisor


def is_whole(window: Sequence[int], size: Sequence[int] | None) -> bool:
    """Return whether a window is the whole resized picture.

    Args:
        window: its sides.
        size: rows and columns that pictures are resized to, or None.
    """
    return size is not None and tuple(window) == tuple(size)


def wanted_batch(found: Fingerprint, whole: bool, gpu: bool) -> int:
    """Return the batch size that is good for training if memory allows it.

    Args:
        found: the fingerprint.
        whole: whether pictures are seen as a whole.
        gpu: whether there is a GPU.
    """
    if found.spatial_dims == 3:
        return WINDOWS * (2 if gpu else 1)
    return PICTURES if whole else THIN_WINDOWS * (2 if gpu else 1)


def choose_ratios(found: Fingerprint, whole: bool) -> Choice[tuple[float, ...]]:
    """Choose how often a window is centred on the background and on each class.

    nnU-Net centres a third of its windows on the foreground and the rest anywhere; the bundles of this package, which
    were trained for hours and not for days, centre most on it.

    Args:
        found: the fingerprint.
        whole: whether pictures are seen as a whole.
    """
    if whole:
        return Choice((), "Whole pictures are seen.")
    names = found.classes.names
    if found.spatial_dims == 2:
        return Choice(
            (len(names), *(1,) * len(names)), "Half of the windows are centred on a class: thin ones are everywhere."
        )
    return Choice(
        (len(names), *(3,) * len(names)),
        f"Three in four windows are centred on a class, each of {len(names)} as often, so that rare ones are seen.",
    )
