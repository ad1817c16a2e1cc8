"""Reorientation of label maps and the check that they lie on one grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation, ornt_transform

from monai_nlseg.evaluation.label_map import LabelMap

TOLERANCE = 1e-3
"""Tolerance as a share of the smallest voxel size, at most in mm; rounding of float32 headers stays far below."""


def in_order_of(map_: LabelMap, reference: LabelMap) -> LabelMap:
    """Return ``map_`` with its axes in the order and the directions of the reference's, if both have an affine.

    No voxel changes its value or its place in the world; whether both maps then lie on one grid is checked by
    :func:`check_same_grid`.

    Args:
        map_: map to reorient.
        reference: map whose orientation it gets.
    """
    if map_.affine is None or reference.affine is None:
        return map_
    wanted = ornt_transform(io_orientation(map_.affine), io_orientation(reference.affine))
    if np.array_equal(wanted, [[0, 1], [1, 1], [2, 1]]):
        return map_
    axes = map_.values.ndim
    volume = map_.values if axes == 3 else map_.values[..., np.newaxis]
    affine = map_.affine @ inv_ornt_aff(wanted, volume.shape)
    values = apply_orientation(volume, wanted)
    if axes == 2 and values.shape[-1] == 1:
        values = values[..., 0]
    spacing = np.linalg.norm(affine[:3, :3], axis=0)[: values.ndim]
    return replace(map_, values=values, affine=affine, spacing=tuple(float(size) for size in spacing))


def check_same_grid(map_: LabelMap, reference: LabelMap) -> None:
    """Check that two maps have the same shape, spacing and, where both files hold one, affine.

    Args:
        map_: a map.
        reference: the map it is compared with.

    Raises:
        ValueError: if they differ, or if one is an image and the other a volume, whose axes have another order.
    """
    names = f"'{map_.path}' and '{reference.path}'"
    if map_.is_image != reference.is_image:
        raise ValueError(f"{names} are an image and a volume: give both in one form.")
    if map_.values.shape != reference.values.shape:
        raise ValueError(
            f"{names} have the shapes {map_.values.shape} and {reference.values.shape}: resample them to one grid."
        )
    tolerance = TOLERANCE * min(1.0, *reference.spacing)
    if map_.affine is not None and reference.affine is not None:
        difference = np.abs(map_.affine - reference.affine).max()
        if not difference <= tolerance:
            raise ValueError(f"the affines of {names} differ by up to {difference:.4g}: resample them to one grid.")
    if not np.allclose(map_.spacing, reference.spacing, rtol=0, atol=tolerance):
        raise ValueError(
            f"{names} have the spacings {_text(map_.spacing)} and {_text(reference.spacing)} mm: resample them to one "
            "grid."
        )


def _text(spacing: tuple[float, ...]) -> str:
    return " x ".join(f"{size:g}" for size in spacing)
