"""Whether an image and a label map lie on one grid, and if not, by how much they differ."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from monai_nlseg.evaluation.label_map import LabelMap

CORNER = 0.1
"""Largest distance between the same corner of two grids, as a share of the smallest voxel side; rounded headers stay
below."""


@dataclass(frozen=True)
class Grid:
    """The place of an image's voxels.

    Attributes:
        shape: voxels along two or three axes.
        spacing: size of a voxel along each, in mm; ones for pictures.
        affine: (4, 4), voxel -> mm, None where the file has no orientation.
        picture: whether the axes are rows and columns of a picture.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    affine: np.ndarray | None
    picture: bool

    def as_map(self) -> LabelMap:
        """Return an empty label map on this grid, which takes no memory."""
        return LabelMap(Path(), np.broadcast_to(np.uint8(0), self.shape), self.spacing, self.affine, self.picture)


def grid_of(map_: LabelMap) -> Grid:
    """Return the grid of a label map.

    Args:
        map_: the label map.
    """
    return Grid(map_.values.shape, map_.spacing, map_.affine, map_.is_image)


def difference(grid: Grid, reference: Grid) -> str:
    """Return by how much a grid differs from another, as a part of a sentence; nothing if they agree.

    Args:
        grid: a grid.
        reference: the grid that it is compared with.
    """
    if grid.picture != reference.picture:
        return "a picture and a volume" if grid.picture else "a volume and a picture"
    if grid.shape != reference.shape:
        return f"shape {by(grid.shape)} against {by(reference.shape)}"
    side = min(reference.spacing)
    if grid.affine is not None and reference.affine is not None:
        ends = product(*([0, size - 1] for size in (*grid.shape, 1)[:3]))
        corners = np.array([[*corner, 1] for corner in ends], float)
        away = float(np.linalg.norm((corners @ (grid.affine - reference.affine).T)[:, :3], axis=1).max())
        return f"they lie up to {away:.3g} mm apart" if away > CORNER * side else ""
    if not np.allclose(grid.spacing, reference.spacing, rtol=0.01, atol=0):
        return f"spacing {by(grid.spacing)} against {by(reference.spacing)} mm"
    return ""


def by(sizes: tuple[int, ...] | tuple[float, ...]) -> str:
    """Return sizes as ``"10 x 20 x 0.5"``.

    Args:
        sizes: size along each axis.
    """
    return " x ".join(f"{size:.4g}" if isinstance(size, float) else str(size) for size in sizes)
