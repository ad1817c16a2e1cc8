"""The grid of voxels that the planes of a DICOM series make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monai_nlseg.io.dicom.planes import Plane

GAP_TOLERANCE_MM = 0.02
GAP_TOLERANCE = 0.01
"""Share of the median gap by which a gap may differ from it, or 0.02 mm if that is more: the one rule of this
package, because DICOM writes positions as rounded decimal text."""
TOLERANCE = 1e-3
"""Largest difference between directions and, relative, between pixel spacings."""


@dataclass(frozen=True)
class Grid:
    """Voxels (columns, rows, slices) in space.

    Attributes:
        ranks: index of the slice of each plane.
        affine: (4, 4) from indices (column, row, slice) to RAS, mm.
        shape: columns, rows, slices.
    """

    ranks: tuple[int, ...]
    affine: np.ndarray
    shape: tuple[int, int, int]


def grid_of(planes: Sequence[Plane]) -> Grid:
    """Return the grid of parallel planes of one size at equal distances, slices along the normal of rows and columns.

    Distances are equal if each differs from their median by no more than 0.02 mm or 1 %, whichever is more. A single
    plane is as thick as its header says, else 1 mm.

    Args:
        planes: planes of one series, in any order.

    Raises:
        ValueError: for planes of several sizes, spacings or orientations, twice at one place, at unequal distances, or
            stacked askew to their normal.
    """
    first = planes[0]
    _check_alike(planes)
    row, column = first.orientation[:3], first.orientation[3:]
    if abs(row @ column) > TOLERANCE or not np.allclose([row @ row, column @ column], 1, atol=TOLERANCE):
        raise ValueError(f"the orientation of {first} is not a pair of perpendicular directions: restore the file.")
    normal = np.cross(row, column)
    positions = np.stack([plane.position for plane in planes])
    order = np.argsort(positions @ normal, kind="stable")
    positions = positions[order]
    step = (first.thickness or 1.0) * normal
    if len(planes) > 1:
        ordered = [planes[index] for index in order]
        _check_gaps(ordered, positions @ normal)
        _check_straight(ordered, positions, normal)
        step = (positions[-1] - positions[0]) / (len(planes) - 1)
    lps = np.eye(4)
    lps[:3] = np.stack([row * first.spacing[1], column * first.spacing[0], step, positions[0]], axis=1)
    rows, columns = first.shape
    ranks = tuple(int(rank) for rank in np.argsort(order))
    return Grid(ranks, np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps, (columns, rows, len(planes)))


def _check_alike(planes: Sequence[Plane]) -> None:
    first = planes[0]
    for plane in planes[1:]:
        if plane.shape != first.shape:
            raise ValueError(f"{first} has {first.shape} pixels and {plane} {plane.shape}: give slices of one size.")
        if not np.allclose(plane.spacing, first.spacing, rtol=TOLERANCE):
            raise ValueError(f"the pixels of {first} and of {plane} differ in size: give slices of one pixel spacing.")
        if not np.allclose(plane.orientation, first.orientation, atol=TOLERANCE):
            raise ValueError(f"{first} and {plane} are not parallel: give a series of one orientation.")


def _check_gaps(planes: Sequence[Plane], distances: np.ndarray) -> None:
    gaps = np.diff(distances)
    usual = float(np.quantile(gaps, 0.5, method="lower"))  # the smaller of the two, if a slice is missing
    closest, worst = int(gaps.argmin()), int(np.abs(gaps - usual).argmax())
    if gaps[closest] < GAP_TOLERANCE_MM:
        raise ValueError(
            f"{planes[closest]} and {planes[closest + 1]} lie at the same place: give one slice for each position, of "
            "one time point or contrast."
        )
    if abs(gaps[worst] - usual) > max(GAP_TOLERANCE_MM, GAP_TOLERANCE * usual):
        fault = "slices are missing" if gaps[worst] > 1.5 * usual else "the spacing is irregular"
        raise ValueError(
            f"{fault}: {planes[worst]} and {planes[worst + 1]} lie {gaps[worst]:.4g} mm apart, others {usual:.4g} mm: "
            "restore the series, or give a resampled volume."
        )


def _check_straight(planes: Sequence[Plane], positions: np.ndarray, normal: np.ndarray) -> None:
    """Refuse a shift across the normal of more than a pixel over all slices; a smaller one stays in the affine."""
    moved = positions - positions[0]
    aside = np.linalg.norm(moved - np.outer(moved @ normal, normal), axis=1)
    if aside.max() > planes[0].spacing.max():
        raise ValueError(
            f"the slices from {planes[0]} on are shifted by up to {aside.max():.4g} mm across their normal, as by a "
            "tilted gantry: give a volume that is resampled to a right-angled grid."
        )
