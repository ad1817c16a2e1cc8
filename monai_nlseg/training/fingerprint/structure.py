"""The width and the pieces of a class's structures."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, generate_binary_structure, label, maximum_filter

SPECK = 5
"""Number of voxels below which a piece is a speck."""
BLOCK = 4_000_000
"""Number of voxels in which the width is measured; of larger structures a block in the middle stands for all."""


def crop(mask: np.ndarray) -> np.ndarray:
    """Return the part of a mask within the box around its foreground; an empty mask gives an empty array.

    Args:
        mask: boolean, of any shape.
    """
    axes = range(mask.ndim)
    lines = [np.flatnonzero(mask.any(axis=tuple(other for other in axes if other != axis))) for axis in axes]
    return mask[tuple(slice(line[0], line[-1] + 1) if line.size else slice(0, 0) for line in lines)]


def median_width(mask: np.ndarray, spacing: tuple[float, ...]) -> float | None:
    """Return the median width of the structures in a mask, in voxels of the finest axis.

    The width at a point on the centre is twice the distance to the nearest voxel outside, less one voxel, since the
    distance is one from voxel centre to voxel centre; so even widths come out one too small. The centre is where the
    distance is largest among neighbours. Each of its points counts by that distance, so that the many short side
    branches of a compact structure hardly count.

    Args:
        mask: boolean, without margins, see :func:`crop`.
        spacing: size of a voxel along each axis.

    Returns:
        The width, 1 at least; None for an empty mask.
    """
    if not mask.any():
        return None
    side = round(BLOCK ** (1 / mask.ndim))
    spots = [int(np.median(places)) for places in np.nonzero(mask)] if mask.size > BLOCK else [0] * mask.ndim
    box = [slice(max(0, spot - side // 2), spot + side) for spot in spots] if mask.size > BLOCK else []
    block = mask[tuple(box)]
    margins = [
        (int(part.start == 0), int(part.stop >= size))
        for part, size in zip(box or [slice(0, size) for size in mask.shape], mask.shape)
    ]
    padded = np.pad(block, margins)
    distances = distance_transform_edt(padded, sampling=np.divide(spacing, min(spacing)))
    centre = padded & (distances >= maximum_filter(distances, 3))
    widths = np.sort(distances[centre])
    weights = np.cumsum(widths)
    return max(1.0, 2 * float(widths[np.searchsorted(weights, weights[-1] / 2)]) - 1)


def count_specks(mask: np.ndarray) -> int:
    """Return the number of pieces below :data:`SPECK` voxels, which touch no other; none if there are no larger ones.

    Args:
        mask: boolean, of any shape.
    """
    if not mask.any():
        return 0
    pieces, number = label(mask, generate_binary_structure(mask.ndim, mask.ndim))
    sizes = np.bincount(pieces.ravel(order="K"), minlength=number + 1)[1:]
    small = int((sizes < SPECK).sum())
    return small if small < number else 0
