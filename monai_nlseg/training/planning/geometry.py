"""The grid that the network works in."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning.choice import Choice
from monai_nlseg.training.planning.measures import Width, grids, median_shape, thinnest
from monai_nlseg.training.planning.words import by

LARGEST_SPREAD = 1.2
"""Spacings of different cases that differ by more than this factor are resampled."""
ANISOTROPIC = 3.0
"""Spacings along different axes that differ by more than this factor are anisotropic, as in nnU-Net."""
WHOLE_AREA, DETAILED_AREA = 320**2, 512**2
THIN, SMALL = 3.0, 8.0
"""Widths in pixels of a picture of ``WHOLE_AREA``: below the first only windows show a structure, below the second a
picture of ``DETAILED_AREA`` does."""
WIDE = 8.0
"""Thin structures wider than this in the stored pictures are brought down to it."""
MULTIPLE = 32


def choose_orientation(found: Fingerprint) -> Choice[str | None]:
    """Choose the axis codes that volumes are turned to.

    Args:
        found: the fingerprint.
    """
    if found.spatial_dims == 2:
        return Choice(None, "Pictures have no anatomical orientation.")
    stored = sorted({case.orientation for case in found.cases if case.orientation})
    return Choice("RAS", f"Stored as {', '.join(stored)}; all volumes are turned to RAS, so that axes mean the same.")


def choose_spacing(found: Fingerprint) -> Choice[tuple[float, ...] | None]:
    """Choose the voxel size that volumes are resampled to, None if each stays in its own grid.

    The target is the median of each axis. Where the median voxel is anisotropic, it is the 10th percentile on the
    coarsest axis. Source: Isensee et al., "nnU-Net", Nature Methods 18 (2021), supplement.

    Args:
        found: the fingerprint.
    """
    if found.spatial_dims == 2:
        return Choice(None, "Pictures are measured in pixels.")
    spacings = grids(found)[1]
    spread = float((spacings.max(axis=0) / spacings.min(axis=0)).max())
    middle = np.median(spacings, axis=0)
    if spread <= LARGEST_SPREAD:
        return Choice(
            None,
            f"Spacings differ by a factor of at most {spread:.2f} between cases (median {by(middle)} mm), less than "
            f"{LARGEST_SPREAD}, so that resampling would only blur.",
        )
    target = middle.copy()
    coarsest = int(middle.argmax())
    reason = f"Spacings differ by a factor of {spread:.2f} between cases, so volumes are resampled to the median"
    if middle.max() / middle.min() > ANISOTROPIC:
        target[coarsest] = max(np.percentile(spacings[:, coarsest], 10), middle.min())
        reason += (
            f", on the coarsest axis to the 10th percentile instead ({target[coarsest]:.3g} mm), as the median voxel "
            f"{by(middle)} mm is anisotropic"
        )
    return Choice(tuple(round(float(mm), 4) for mm in target), f"{reason}.")


def is_thin(found: Fingerprint) -> Width | None:
    """Return the class of a picture data set that a whole picture of 320 x 320 pixels would not show; None without one.

    Args:
        found: the fingerprint.
    """
    width = thinnest(found)
    if found.spatial_dims == 3 or width is None:
        return None
    return width if width.pixels * _shrinking(found, WHOLE_AREA) < THIN else None


def choose_size(found: Fingerprint, divisor: int) -> Choice[tuple[int, int] | None]:
    """Choose the rows and columns that pictures are resized to, None if they keep their own.

    Args:
        found: the fingerprint.
        divisor: number that the network wants each side to be divisible by.
    """
    if found.spatial_dims == 3:
        return Choice(None, "Volumes are seen in windows.")
    rows, columns = median_shape(found)
    multiple = math.lcm(MULTIPLE, divisor)
    here = f"The median picture has {by((rows, columns))} pixels"
    width = thinnest(found)
    if thin := is_thin(found):
        if thin.pixels <= WIDE:
            return Choice(
                None, f"{here}; '{thin.name}' is {thin.pixels:.3g} pixels wide, so pictures stay at full resolution."
            )
        factor = WIDE / thin.pixels
        size = (_multiple(rows * factor, multiple), _multiple(columns * factor, multiple))
        return Choice(
            size,
            f"{here}; '{thin.name}' is {thin.pixels:.3g} pixels wide, and {WIDE:g} are enough to see it: pictures are "
            f"resized to {by(size)}, from which windows are cut.",
        )
    area, why = WHOLE_AREA, ""
    if width is not None:
        shrunk = width.pixels * _shrinking(found, WHOLE_AREA)
        why = f", in which the thinnest class ('{width.name}') is about {shrunk:.3g} pixels wide"
        if shrunk < SMALL:
            area = DETAILED_AREA
            shrunk = width.pixels * _shrinking(found, area)
            why = f", in which the thinnest class ('{width.name}') is about {shrunk:.3g} pixels wide"
    factor = min(1.0, math.sqrt(area / (rows * columns)))
    size = (_multiple(rows * factor, multiple), _multiple(columns * factor, multiple))
    return Choice(
        size, f"{here}; whole pictures are resized to {by(size)} (sides divisible by {multiple}, near that shape){why}."
    )


def _shrinking(found: Fingerprint, area: float) -> float:
    """Return the factor by which the sides of a median picture shrink to an area; 1 if it is smaller."""
    return min(1.0, math.sqrt(area / math.prod(median_shape(found))))


def _multiple(side: float, of: int) -> int:
    return max(1, round(side / of)) * of


def is_anisotropic(spacing: Sequence[float]) -> bool:
    """Return whether voxels are more than three times as long as they are wide.

    Args:
        spacing: mm along each axis.
    """
    return max(spacing) / min(spacing) > ANISOTROPIC
