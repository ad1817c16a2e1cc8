"""Readers of CT volumes: DICOM series and the formats of volumes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import PathLike
from monai.data import MetaTensor
from monai.transforms import Orientation
from monai.utils import convert_to_tensor, ensure_tuple

from monai_nlseg.data.cta.series import read_series
from monai_nlseg.io.volumes import VolumeHeader
from monai_nlseg.io.volumes.reader import VolumeReader, describe_grid


class CTAReader(VolumeReader):
    """Reader of a folder with a DICOM series, and of what :class:`VolumeReader` reads.

    By itself, MONAI's ``LoadImage`` reads DICOM with whichever of ITK and pydicom is installed, and the two may number
    the slices in opposite order. Here the grid of a result does not depend on that: slices come in the order of their
    instance numbers.

    Use: ``LoadImaged("image", reader="monai_nlseg.data.CTAReader")``.
    """

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Return whether this is one volume; its format is determined when it is read.

        Args:
            filename: path, or paths.
        """
        return len(ensure_tuple(filename)) == 1

    def get_data(self, img: Sequence[str]) -> tuple[np.ndarray, dict[str, Any]]:
        """Read a volume.

        Args:
            img: one path.

        Returns:
            Voxels (W, H, D), for DICOM in HU, and metadata with the affine to RAS+ mm.

        Raises:
            ValueError: as :meth:`VolumeReader.get_data`, or for a folder that does not hold one regular series.
        """
        path = Path(img[0])
        if not path.is_dir():
            return super().get_data(img)
        voxels, affine = read_series(path)
        return voxels, describe_grid(VolumeHeader(voxels.shape, affine), channel_dim=float("nan"))


def load_cta(path: str | Path) -> MetaTensor:
    """Read a volume or the DICOM series in a folder.

    Args:
        path: file or folder.

    Returns:
        (W, H, D) as stored, with the affine to RAS+ mm.

    Raises:
        ValueError: if it cannot be read.
    """
    reader = CTAReader()
    voxels, meta = reader.get_data(reader.read(path))
    volume = convert_to_tensor(np.ascontiguousarray(voxels), track_meta=False)
    return MetaTensor(volume, affine=torch.as_tensor(meta["affine"]), meta={"filename_or_obj": str(path)})


def load_axial_cta(path: str | Path) -> MetaTensor:
    """Read a volume or series, turned so that the axes run to the patient's left, back and head, as CT is shown.

    DICOM is mostly stored this way, NIfTI often is not, and a network for slices must not see both.

    Args:
        path: file or folder.

    Returns:
        (W, H, D) with the affine to RAS+ mm.

    Raises:
        ValueError: if it cannot be read.
    """
    return Orientation("LPS", labels=None)(load_cta(path)[None])[0]
