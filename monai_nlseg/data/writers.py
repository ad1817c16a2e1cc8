"""Image writers for MONAI's ``SaveImaged``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from monai.config import PathLike
from monai.data import NibabelWriter, PILWriter
from monai.data.utils import to_affine_nd
from monai.utils import convert_to_numpy

from monai_nlseg.files import written_beside
from monai_nlseg.io.nifti import placed

__all__ = ["AtomicNibabelWriter", "AtomicPILWriter"]

logger = logging.getLogger(__name__)


class AtomicNibabelWriter(NibabelWriter):
    """NIfTI writer that never leaves a half-written file: it writes beside the target and renames.

    The file has the unit of lengths that the image's file has, if ``VolumeReader`` read it, else mm. Its sform is the
    affine, its qform too unless the affine is sheared. With ``resample=False`` the array is written as it is, also
    where MONAI's writer fails, on axes in another order.

    Use: ``SaveImaged(writer="monai_nlseg.data.AtomicNibabelWriter", ...)``.
    """

    unit = "mm"

    def set_metadata(self, meta_dict: Mapping | None, resample: bool = True, **options: Any) -> None:
        self.unit = (meta_dict or {}).get("unit", "mm")
        if resample:
            super().set_metadata(meta_dict, resample=True, **options)
        else:
            self.affine = self.get_meta_info(meta_dict)[1]

    def write(self, filename: PathLike, verbose: bool = False, **obj_kwargs: Any) -> None:
        affine = np.eye(4) if self.affine is None else convert_to_numpy(self.affine).astype(float)
        image = self.create_backend_obj(self.data_obj, dtype=self.output_dtype, **obj_kwargs)
        with written_beside(Path(filename)) as beside:
            nibabel.save(placed(image, to_affine_nd(3, affine), self.unit), beside)
        if verbose:
            logger.info(f"wrote {filename}")


class AtomicPILWriter(PILWriter):
    """Writer of PNG and other images, (1, H, W), that never leaves a half-written file.

    MONAI's takes (1, W, H) by default, what its PILReader returns by default. Use with
    :class:`monai_nlseg.data.PictureReader`, whose rows come first:
    ``SaveImaged(writer="monai_nlseg.data.AtomicPILWriter", output_ext=".png", scale=255, ...)`` makes 0 and 255 of a
    mask.
    """

    def write(self, filename: PathLike, verbose: bool = False, **kwargs: Any) -> None:
        with written_beside(Path(filename)) as beside:
            super().write(beside, verbose=False, **{"reverse_indexing": False, **kwargs})
        if verbose:
            logger.info(f"wrote {filename}")
