"""The package's writer of volumes as a writer of MONAI."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from monai.config import PathLike
from monai.data import NibabelWriter
from monai.data.utils import to_affine_nd
from monai.utils import convert_to_numpy

from monai_nlseg.io.files import written_beside
from monai_nlseg.io.volumes.nifti import placed

logger = logging.getLogger(__name__)


class AtomicNibabelWriter(NibabelWriter):
    """NIfTI writer that never leaves a half-written file: it writes beside the target and renames.

    The file has the same unit of lengths as the image's file if ``VolumeReader`` read that, else mm. Its sform is the
    affine, and so is its qform unless the affine is sheared. With ``resample=False`` the array is written as it is,
    even with axes in another order, for which MONAI's writer fails.

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
