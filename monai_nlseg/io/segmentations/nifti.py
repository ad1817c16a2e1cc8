"""Segmentations, probabilities and uncertainty as NIfTI."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_nlseg.io.segmentations.segmentation import Segmentation
from monai_nlseg.io.volumes.nifti import write_nifti


def write(path: Path, segmentation: Segmentation) -> None:
    """Write a segmentation as NIfTI; masks become the last axis.

    Args:
        path: ``.nii.gz`` or ``.nii``.
        segmentation: what to write.
    """
    values = in_volume_axes(segmentation.labels, segmentation.affine, segmentation.masks)
    affine = segmentation.picture_affine if segmentation.affine is None else segmentation.affine
    write_nifti(path, values, np.asarray(affine), segmentation.unit)


def save_nifti(
    path: Path, values: np.ndarray, affine: np.ndarray | None, channels: bool = False, unit: str = "mm"
) -> None:
    """Write an array in the grid of an image as NIfTI.

    Args:
        path: ``.nii.gz`` or ``.nii``.
        values: (*spatial) or (channels, *spatial) with ``affine``; without one pictures (rows, columns), (channels,
            rows, columns) or frames of them (frames, rows, columns), which become (columns, rows, ...) of 1 mm.
        affine: (4, 4) voxel to RAS+ mm; None for pictures.
        channels: whether ``values`` has channels, which become the last axis.
        unit: unit of the lengths in the file: "mm", "micron" or "meter".
    """
    write_nifti(path, in_volume_axes(values, affine, channels), np.eye(4) if affine is None else affine, unit)


def in_volume_axes(values: np.ndarray, affine: np.ndarray | None, channels: bool) -> np.ndarray:
    """Return an array with its axes as files of volumes have them: columns before rows, channels last.

    Args:
        values: array as :func:`save_nifti` takes it.
        affine: (4, 4), or None for pictures.
        channels: whether the first axis is that of channels.

    Returns:
        (X, Y, Z), (X, Y, Z, channels), (columns, rows), (columns, rows, frames or channels) or (columns, rows, frames,
        channels).
    """
    if affine is None:
        return np.moveaxis(values, (-1, -2), (0, 1))
    return np.moveaxis(values, 0, -1) if channels else values
