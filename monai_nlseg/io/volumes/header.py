"""Shape, affine and unit of a volume, known before its voxels are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MILLIMETRES = {"mm": 1.0, "micron": 1e-3, "meter": 1e3}
"""Millimetres of the units that NIfTI knows, by their names in nibabel."""
FLAT = 1e-6
"""Least volume of a voxel, relative to that of a box with edges as long as its own."""


@dataclass(frozen=True)
class VolumeHeader:
    """Shape and place of a volume.

    Attributes:
        shape: (X, Y, Z); with an axis of channels (X, Y, Z, C); (X, Y) for a single slice that is stored that way.
        affine: (4, 4) voxel to RAS+ mm, whatever unit and space the file has.
        unit: unit in which nibabel gives the affine of the file: "mm", "micron" or "meter". A label map that is written
            in it lies where its image lies, for programs that respect units and for those that do not.
        oriented: whether the format holds an orientation; Analyze does not, so nibabel's affine is a convention.
        slope: factor of the stored values; 1 if the file does not scale them.
        qform_axes: axis codes by the qform of a NIfTI file, such as "LPS", where they contradict those by its sform,
            which the affine is; else None.
    """

    shape: tuple[int, ...]
    affine: np.ndarray
    unit: str = "mm"
    oriented: bool = True
    slope: float = 1.0
    qform_axes: str | None = None

    @property
    def spacing(self) -> tuple[float, ...]:
        """Size of a voxel along each spatial axis, in mm."""
        sizes = np.linalg.norm(self.affine[:3, :3], axis=0)
        return tuple(float(size) for size in sizes[: len(self.shape)])


def without_trailing_axes(shape: Sequence[int], path: Path) -> tuple[int, ...]:
    """Return a shape of at most three spatial axes and one of channels, without the axes of length one that follow.

    An axis of time of length one is dropped, so that the channels, NIfTI's fifth axis, follow the spatial axes.

    Args:
        shape: voxels along each axis of the file.
        path: path of the file, for the error.

    Raises:
        ValueError: for one axis, or more than one after the spatial ones.
    """
    given = tuple(int(size) for size in shape)
    kept = given
    while len(kept) > 3 and kept[-1] == 1:
        kept = kept[:-1]
    if len(kept) == 5 and kept[3] == 1:
        kept = (*kept[:3], kept[4])
    if not 2 <= len(kept) <= 4:
        raise ValueError(f"'{path}' has shape {given}: expected a volume of three axes, or of three axes and channels.")
    return kept


def require_grid(affine: np.ndarray, path: Path) -> None:
    """Refuse an affine that is not finite, or whose axes do not span a volume.

    Args:
        affine: (4, 4) voxel to mm.
        path: path of the file, for the error.

    Raises:
        ValueError: for such an affine.
    """
    edges = affine[:3, :3]
    box = np.prod(np.linalg.norm(edges, axis=0))
    if not np.isfinite(affine).all() or not abs(np.linalg.det(edges)) > FLAT * box:
        raise ValueError(
            f"'{path}' has an affine of {np.round(edges, 3).tolist()}, which spans no volume: export it again."
        )
