"""Read the file of a volume as an array with an affine in mm, the same for every bundle and command."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monai_nlseg.io.formats import SIMPLEITK, is_volume
from monai_nlseg.io.volumes.header import VolumeHeader
from monai_nlseg.io.volumes.itk import itk_header, itk_values
from monai_nlseg.io.volumes.nifti import (
    is_plain,
    nifti_header,
    nifti_values,
    require_intact,
    require_whole,
    write_nifti,
)
from monai_nlseg.quiet import remarks_withheld


@dataclass(frozen=True)
class Volume:
    """A volume as its file has it.

    Attributes:
        values: (X, Y, Z); with channels (X, Y, Z, C); (X, Y) for a single slice that is stored that way. The type is
            the file's, or float64 if the file scales its values.
        header: shape, affine and unit.
    """

    values: np.ndarray
    header: VolumeHeader

    @property
    def affine(self) -> np.ndarray:
        """(4, 4) voxel to RAS+ mm."""
        return self.header.affine


@remarks_withheld()
def read_header(path: str | os.PathLike[str], whole: bool = False) -> VolumeHeader:
    """Read shape and place of a volume without its voxels.

    - NIfTI-1 and -2, in one file or as ``.hdr`` and ``.img``, Analyze 7.5 and MGH, with nibabel's affine: the sform if
      its code is above 0, else the qform, else the convention of the format; voxel sizes never override it.
    - NRRD in the spaces LPS, RAS and LAS, and MetaImage, in one file or with their voxels in others.

    Lengths in other units than mm are converted; NIfTI without a unit counts as mm. Axes of length one after the third
    are dropped.

    Args:
        path: the file; for a pair, the header.
        whole: also check that a NIfTI, Analyze or MGH file holds as many voxels as its header announces.

    Raises:
        ValueError: for another format; a file that is missing, damaged or truncated; complex values, colours; an affine
            that is not finite or spans no volume; a space or unit that is not known; more than one axis after the
            spatial ones.
    """
    path = Path(path)
    if _is_itk(path):
        return itk_header(path)
    header = nifti_header(path)
    if whole:
        require_whole(path)
    return header


@remarks_withheld()
def read_volume(path: str | os.PathLike[str]) -> Volume:
    """Read a volume.

    Args:
        path: path as :func:`read_header` takes it.

    Raises:
        ValueError: as :func:`read_header`, for the whole file.
    """
    path = Path(path)
    values = itk_values(path) if _is_itk(path) else nifti_values(path)
    return Volume(values, read_header(path))


@remarks_withheld()
def plain_nifti(path: Path, folder: Path) -> Path:
    """Return a file from which every reader of NIfTI, MONAI's among them, reads the volume in a file.

    Args:
        path: path of a volume of any format.
        folder: folder for the copy, created if it is needed; it may exist.

    Returns:
        ``path`` itself if it is such a file. Else one in ``folder`` with the same voxels, of the type of
        :func:`read_volume`, and the same place in mm.

    Raises:
        ValueError: as :func:`read_volume`, for what has to be read.
    """
    if not _is_itk(path) and is_plain(path):
        require_intact(path)
        return path
    volume = read_volume(path)
    folder.mkdir(exist_ok=True)
    staged = folder / f"{path.name.partition('.')[0] or 'volume'}.nii"
    write_nifti(staged, volume.values, volume.affine)
    return staged


def _is_itk(path: Path) -> bool:
    if not is_volume(path):
        raise ValueError(f"'{path}' is not a volume: give NIfTI, Analyze, MGH, NRRD or MetaImage, by their suffixes.")
    return path.name.lower().endswith(SIMPLEITK)
