"""Label maps to DICOM SEG and back, for studies on a DICOMweb server.

MONAI Label names the first label that a map has by the first name it is told, though it be label 2; and of a DICOM SEG
it takes the numbers of the segments, which count those that are there, for labels, on those slices that have any.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from fastapi import HTTPException
from monai.transforms import LoadImage
from monailabel.datastore import dicom
from monailabel.datastore.utils.convert import dicom_to_nifti, nifti_to_dicom_seg
from monailabel.endpoints import infer
from pydicom import dcmread

from monai_nlseg.label.segments import labels_of_segments, told_of_present
from monai_nlseg.label.served import ServedBundle

__all__ = ["mend_conversions", "require_writer"]


def mend_conversions(served: Mapping[str, ServedBundle]) -> None:
    """Have MONAI Label convert by the functions of this module, wherever it does."""
    for module in (dicom, infer):
        module.nifti_to_dicom_seg = _to_dicom_seg
    dicom.dicom_to_nifti = partial(_to_nifti, {name: bundle.labels for name, bundle in served.items()})


def require_writer() -> None:
    """Put what writes DICOM SEG on PATH, which may not know of the environment that it is in.

    Raises:
        ValueError: if it is nowhere.
    """
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    if not shutil.which("itkimage2segimage"):
        raise ValueError("studies on a DICOMweb server need the program itkimage2segimage: pip install dcmqi.")


def _to_dicom_seg(series: str, labels: str, told: Sequence[Mapping[str, Any]] | None, **options: Any) -> str:
    values = np.unique(np.asarray(LoadImage(image_only=True)(labels))).astype(int).tolist()
    if not any(values):
        raise HTTPException(400, "the label map is empty, and a DICOM SEG holds at least one voxel of one segment.")
    made = str(nifti_to_dicom_seg(series, labels, told_of_present(values, told or ()), **options))
    if not os.path.isfile(made):
        raise HTTPException(400, "itkimage2segimage made no DICOM SEG of the label map: the server's log says why.")
    return made


def _to_nifti(labels: Mapping[str, Mapping[str, int]], folder: str, is_seg: bool = False) -> str:
    """The path of a temporary file; ``folder`` is ``labels/final/<series>`` below the images where a DICOM SEG is."""
    converted = str(dicom_to_nifti(folder, is_seg))
    if not is_seg:
        return converted
    header = dcmread(next(Path(folder).iterdir()), stop_before_pixels=True)
    image = Path(folder).parents[2] / f"{header.ReferencedSeriesSequence[0].SeriesInstanceUID}.nii.gz"
    cropped = sitk.ReadImage(converted)
    os.unlink(converted)
    numbers = sitk.Resample(cropped, sitk.ReadImage(str(image)), sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    names = {int(segment.SegmentNumber): str(segment.SegmentLabel) for segment in header.SegmentSequence}
    values = labels_of_segments(names, labels, str(header.get("SeriesDescription", "")))
    with tempfile.NamedTemporaryFile(prefix="nlseg-", suffix=".nii.gz", delete=False) as file:
        sitk.WriteImage(sitk.ChangeLabel(sitk.Cast(numbers, sitk.sitkUInt8), values), file.name)
    return file.name
