"""MONAI's readers of CT volumes behind one name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import PathLike
from monai.data import ImageReader, NibabelReader, NrrdReader, PydicomReader
from monai.utils import ensure_tuple

__all__ = ["CTAReader"]


class CTAReader(ImageReader):
    """Reader of a folder with a DICOM series (pydicom), of NRRD (pynrrd) and of NIfTI.

    By itself MONAI's ``LoadImage`` takes for DICOM whichever of ITK and pydicom is installed, and the two may number
    the slices in opposite order. Here the grid of a result does not depend on that.

    Use: ``LoadImaged("image", reader="monai_nlseg.data.CTAReader")``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reader: ImageReader = NibabelReader()

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Whether this is one volume; which format, reading will tell."""
        return len(ensure_tuple(filename)) == 1

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> Any:
        """The volume as the reader of its format has it."""
        path = Path(str(ensure_tuple(data)[0]))
        if path.is_dir():
            self.reader = PydicomReader()
        else:
            self.reader = NrrdReader() if path.suffix == ".nrrd" else NibabelReader()
        return self.reader.read(str(path), **kwargs)

    def get_data(self, img: Any) -> tuple[np.ndarray, dict]:
        """Voxels (W, H, D), for DICOM in HU, and metadata with the affine to RAS+ mm."""
        voxels, meta = self.reader.get_data(img)
        return voxels, meta
