"""A CT volume as a DICOM series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid


def write_ct_series(
    folder: Path, volume: np.ndarray, spacing: Sequence[float], origin: Sequence[float], name: str
) -> None:
    """Write axial CT slices ``0001.dcm``, ..., whose unique identifiers follow from ``name``.

    Args:
        folder: an existing folder.
        volume: HU, int16, (columns, rows, slices): to the patient's left, back and head.
        spacing: mm between columns, rows and slices.
        origin: centre of the first voxel in DICOM's patient coordinates (LPS), mm.
        name: names the patient, "simulated-..."; the same name gives the same identifiers.
    """
    study, series, frame = (_uid(name, part) for part in ("study", "series", "frame"))
    for index in range(volume.shape[2]):
        slice_ = Dataset()
        slice_.SOPClassUID = CTImageStorage
        slice_.SOPInstanceUID = _uid(name, f"slice-{index}")
        slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.FrameOfReferenceUID = study, series, frame
        slice_.Modality = "CT"
        slice_.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
        slice_.PatientName = slice_.PatientID = f"simulated-{name}"
        slice_.PatientBirthDate = slice_.PatientSex = ""
        slice_.StudyDate = slice_.StudyTime = slice_.AccessionNumber = slice_.ReferringPhysicianName = ""
        slice_.StudyID = slice_.Manufacturer = slice_.PositionReferenceIndicator = ""
        slice_.SeriesDescription = "simulated CT angiography"
        slice_.SeriesNumber, slice_.AcquisitionNumber, slice_.InstanceNumber = 1, 1, index + 1
        slice_.KVP = ""
        slice_.PatientPosition = "HFS"
        slice_.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        slice_.ImagePositionPatient = [
            _decimal(origin[0]),
            _decimal(origin[1]),
            _decimal(origin[2] + index * spacing[2]),
        ]
        slice_.PixelSpacing = [_decimal(spacing[1]), _decimal(spacing[0])]
        slice_.SliceThickness = _decimal(spacing[2])
        slice_.SamplesPerPixel, slice_.PhotometricInterpretation = 1, "MONOCHROME2"
        slice_.Columns, slice_.Rows = volume.shape[:2]
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit, slice_.PixelRepresentation = 16, 16, 15, 1
        slice_.RescaleIntercept, slice_.RescaleSlope, slice_.RescaleType = 0, 1, "HU"
        slice_.PixelData = np.ascontiguousarray(volume[:, :, index].T).astype("<i2").tobytes()
        slice_.file_meta = FileMetaDataset()
        slice_.file_meta.MediaStorageSOPClassUID = CTImageStorage
        slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID
        slice_.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        slice_.save_as(folder / f"{index + 1:04d}.dcm", enforce_file_format=True)


def _uid(name: str, part: str) -> str:
    return generate_uid(entropy_srcs=["monai_nlseg simulation", name, part])


def _decimal(value: float) -> str:
    """Return a number as a decimal string of DICOM, which holds 16 characters."""
    return f"{value:.10g}"
