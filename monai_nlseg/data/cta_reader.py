"""Reader of CT volumes: DICOM series and the formats of volumes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from monai.config import PathLike
from monai.data import PydicomReader
from monai.utils import ensure_tuple

from monai_nlseg.io.volume_reader import VolumeReader

__all__ = ["CTAReader"]


class CTAReader(VolumeReader):
    """Reader of a folder with a DICOM series (pydicom), and of what :class:`VolumeReader` reads.

    By itself MONAI's ``LoadImage`` takes for DICOM whichever of ITK and pydicom is installed, and the two may number
    the slices in opposite order. Here the grid of a result does not depend on that.

    Use: ``LoadImaged("image", reader="monai_nlseg.data.CTAReader")``.
    """

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Whether this is one volume; which format, reading will tell."""
        return len(ensure_tuple(filename)) == 1

    def get_data(self, img: Sequence[str]) -> tuple[np.ndarray, dict[str, Any]]:
        """Voxels (W, H, D), for DICOM in HU, and metadata with the affine to RAS+ mm.

        Raises:
            ValueError: as :meth:`VolumeReader.get_data`.
        """
        if not os.path.isdir(img[0]):
            return super().get_data(img)
        series = PydicomReader()
        return series.get_data(series.read(img[0]))
