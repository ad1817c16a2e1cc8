"""Conversion of label maps to DICOM SEG and back, for studies on a DICOMweb server.

MONAI Label's own conversions have two faults. It gives the first label that a map holds the first name of the list,
even if that label is 2. And it takes the numbers of a DICOM SEG's segments, which count only the segments that are
there, for labels, and returns only the slices that have any.
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

from monai_nlseg.label.segments import descriptions_of_present, labels_of_segments
from monai_nlseg.label.served import ServedBundle
from monai_nlseg.quiet import remarks_withheld


def replace_conversions(served: Mapping[str, ServedBundle]) -> None:
    """Replace MONAI Label's conversions by those of this module.

    Args:
        served: name -> bundle; the names of their labels decide the values of a DICOM SEG's segments.
    """
    for module in (dicom, infer):
        module.nifti_to_dicom_seg = _to_dicom_seg
    dicom.dicom_to_nifti = partial(_to_nifti, {name: bundle.labels for name, bundle in served.items()})


def require_writer() -> None:
    """Put the program that writes DICOM SEG on PATH, also where the environment was not activated.

    Raises:
        ValueError: if it is not installed.
    """
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    if not shutil.which("itkimage2segimage"):
        raise ValueError("studies on a DICOMweb server need the program itkimage2segimage: pip install dcmqi.")


def _to_dicom_seg(series: str, labels: str, label_info: Sequence[Mapping[str, Any]] | None, **options: Any) -> str:
    values = np.unique(np.asarray(LoadImage(image_only=True)(labels))).astype(int).tolist()
    if not any(values):
        raise HTTPException(400, "the label map is empty, and a DICOM SEG holds at least one voxel of one segment.")
    written = str(nifti_to_dicom_seg(series, labels, descriptions_of_present(values, label_info or ()), **options))
    if not os.path.isfile(written):
        raise HTTPException(400, "itkimage2segimage made no DICOM SEG from the label map: the server's log says why.")
    return written


def _to_nifti(labels: Mapping[str, Mapping[str, int]], folder: str, is_seg: bool = False) -> str:
    """Convert DICOM to a temporary NIfTI file, and return its path.

    The folder of a DICOM SEG is ``labels/final/<series>`` below the folder of the images.
    """
    converted = str(dicom_to_nifti(folder, is_seg))
    if not is_seg:
        return converted
    with remarks_withheld():
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
