"""The grids of CT volumes and of their labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np

from monai_nlseg.data.cta.reader import load_cta
from monai_nlseg.io.volumes import read_header

AFFINE_TOLERANCE = 1e-2
"""Largest difference in mm between the affines of an image and its label, because DICOM writes decimal text."""


class CTAGrid(NamedTuple):
    """Shape and place of a volume.

    Attributes:
        shape: (W, H, D).
        affine: (4, 4) voxel to RAS+ mm.
    """

    shape: tuple[int, ...]
    affine: np.ndarray


def grid_of_volume(path: Path) -> CTAGrid:
    """Return the grid of a volume as it is stored; all pixels of a series are read.

    Args:
        path: file, or folder with a DICOM series.

    Raises:
        ValueError: if the volume cannot be read or does not have three axes.
    """
    volume = load_cta(path) if path.is_dir() else read_header(path, whole=True)
    shape = tuple(int(size) for size in volume.shape)
    if len(shape) != 3:
        raise ValueError(f"'{path}' has shape {shape}: expected a volume of three axes.")
    return CTAGrid(shape, np.asarray(volume.affine))


def axial_grid(path: Path) -> CTAGrid:
    """Return the grid in which :func:`~monai_nlseg.data.load_axial_cta` returns a volume.

    Args:
        path: file, or folder with a DICOM series.

    Raises:
        ValueError: as :func:`grid_of_volume`.
    """
    shape, affine = grid_of_volume(path)
    turn = nib.orientations.ornt_transform(nib.io_orientation(affine), nib.orientations.axcodes2ornt("LPS"))
    turned = tuple(shape[axis] for axis in np.argsort(turn[:, 0]))
    return CTAGrid(turned, affine @ nib.orientations.inv_ornt_aff(turn, shape))


def axial_slices(entry: Mapping[str, Any]) -> int:
    """Return the number of axial slices of an entry's image, on whose grid its label must lie.

    Args:
        entry: "image", and "label" if there is one.

    Raises:
        ValueError: as :func:`grid_of_volume` and :func:`check_grids`.
    """
    grids = {key: axial_grid(Path(entry[key])) for key in ("image", "label") if key in entry}
    check_grids(str(entry["image"]), grids)
    return grids["image"].shape[2]


def check_grids(subject: str, grids: Mapping[str, CTAGrid]) -> None:
    """Check that the last axis of an image runs through the axial slices, and that its label lies on its grid.

    Args:
        subject: name of the patient, for the errors.
        grids: grid of "image", and of "label" if there is one.

    Raises:
        ValueError: for another axis, and for a shape or an affine that differs.
    """
    shape, affine = grids["image"]
    codes = nib.aff2axcodes(affine)
    if codes[2] not in ("S", "I"):
        raise ValueError(f"{subject}: the image's axes run {''.join(codes)}: turn it so that the last runs S or I.")
    if "label" not in grids:
        return
    label = grids["label"]
    if label.shape != shape:
        raise ValueError(f"{subject}: label has shape {label.shape}, image {shape}: resample them to one grid.")
    difference = np.abs(label.affine - affine).max()
    if not difference <= AFFINE_TOLERANCE:
        raise ValueError(
            f"{subject}: the affine of label differs from that of image by up to {difference:.4g}: resample them to "
            "one grid."
        )
