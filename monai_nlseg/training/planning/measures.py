"""The figures of a data set that several rules ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from monai_nlseg.training.fingerprint.fingerprint import CaseFingerprint, Fingerprint

AXES = ("LR", "PA", "IS")


def grids(found: Fingerprint) -> tuple[np.ndarray, np.ndarray]:
    """Return the sizes and spacings of all cases, those of volumes along the axes right, anterior and superior.

    Args:
        found: the fingerprint.

    Returns:
        Two arrays of shape (cases, spatial axes): voxels, and mm.
    """
    axes = [_axes(case, found.spatial_dims) for case in found.cases]
    shapes = [[case.shape[axis] for axis in order] for case, order in zip(found.cases, axes)]
    spacings = [[case.spacing[axis] for axis in order] for case, order in zip(found.cases, axes)]
    return np.array(shapes, dtype=float), np.array(spacings, dtype=float)


def _axes(case: CaseFingerprint, spatial_dims: int) -> Sequence[int]:
    codes = case.orientation
    if spatial_dims == 2 or codes is None or len(codes) != 3:
        return range(spatial_dims)
    return [next(axis for axis, code in enumerate(codes) if code in pair) for pair in AXES]


def median_shape(found: Fingerprint, spacing: Sequence[float] | None = None) -> tuple[float, ...]:
    """Return the median size of the images along each axis, after resampling if there is any.

    Args:
        found: the fingerprint.
        spacing: mm that volumes are resampled to, None for their own.

    Returns:
        Voxels along each axis.
    """
    shapes, spacings = grids(found)
    if spacing is not None:
        shapes = shapes * spacings / np.array(spacing)
    return tuple(float(size) for size in np.median(shapes, axis=0))


def voxel_size(found: Fingerprint, spacing: Sequence[float] | None = None) -> tuple[float, ...]:
    """Return the mm of a voxel that the network sees.

    Args:
        found: the fingerprint.
        spacing: mm that volumes are resampled to, None for the median of their own.
    """
    return tuple(spacing) if spacing is not None else tuple(float(mm) for mm in np.median(grids(found)[1], axis=0))


@dataclass(frozen=True)
class Width:
    """The thinnest class.

    Attributes:
        name: name of the class.
        pixels: the median of its width over the cases that have it, as stored.
    """

    name: str
    pixels: float


def thinnest(found: Fingerprint) -> Width | None:
    """Return the class with the thinnest structures, None if no case has any.

    Args:
        found: the fingerprint.
    """
    widths = []
    for name in found.classes.names:
        known = [width for case in found.cases if (width := case.thickness.get(name)) is not None]
        if known:
            widths.append(Width(name, float(median(known))))
    return min(widths, key=lambda width: width.pixels, default=None)


def class_shares(found: Fingerprint) -> dict[str, float]:
    """Return the share of all voxels that each class has in the whole data set.

    Args:
        found: the fingerprint.

    Returns:
        Name of the class -> share, in the order of the network's outputs.
    """
    total = sum(sum(case.voxels.values()) for case in found.cases)
    return {
        each.name: sum(case.voxels.get(value, 0) for case in found.cases for value in each.values) / max(total, 1)
        for each in found.classes.foreground
    }


def subjects(found: Fingerprint) -> int:
    """Return the number of subjects.

    Args:
        found: the fingerprint.
    """
    return len({case.case.subject for case in found.cases})


def output_channels(found: Fingerprint) -> int:
    """Return the channels of the network's output: one for each class, and for the background if none overlap.

    Args:
        found: the fingerprint.
    """
    return len(found.classes.foreground) + (0 if found.classes.overlapping else 1)
