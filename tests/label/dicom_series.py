"""Volumes as DICOM series, and label maps of DICOM SEGs, in indices (column, row, slice)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid
from scipy.spatial.transform import Rotation

CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage}
FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def oblique(spacing: Sequence[float], origin: Sequence[float]) -> np.ndarray:
    """To RAS mm, of axes that lie along none of the patient's."""
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", [12, -20, 35], degrees=True).as_matrix() * np.array(spacing)
    affine[:3, 3] = origin
    return affine


def write_series(folder: Path, volume: np.ndarray, affine: np.ndarray, modality: str) -> list[Path]:
    """A slice a file, stored as int16 and numbered from the last.

    Args:
        folder: which is made; its name is the patient's.
        volume: (columns, rows, slices).
        affine: from its indices to RAS mm, of a right-handed system.
        modality: CT or MR.
    """
    folder.mkdir(parents=True)
    lps = FROM_RAS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    row, column, _ = (lps[:3, :3] / spacing).T
    study, series, frame = (generate_uid() for _ in range(3))
    files = []
    for index in range(volume.shape[2]):
        made = Dataset()
        made.SOPClassUID, made.SOPInstanceUID = CLASSES[modality], generate_uid()
        made.StudyInstanceUID, made.SeriesInstanceUID, made.FrameOfReferenceUID = study, series, frame
        made.PatientName = made.PatientID = folder.name
        made.StudyDate, made.StudyTime, made.Modality = "20200102", "030405", modality
        made.PatientBirthDate = made.PatientSex = made.AccessionNumber = made.ReferringPhysicianName = ""
        made.StudyID, made.SeriesNumber, made.InstanceNumber = "1", 1, volume.shape[2] - index
        made.StudyDescription = made.SeriesDescription = f"simulated {modality}"
        made.ImageOrientationPatient = _decimals([*row, *column])
        made.ImagePositionPatient = _decimals((lps @ [0, 0, index, 1])[:3])
        made.PixelSpacing, made.SliceThickness = _decimals(spacing[[1, 0]]), _decimals(spacing[2:])[0]
        made.Columns, made.Rows = volume.shape[:2]
        made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
        made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 16, 15, 1
        made.RescaleSlope, made.RescaleIntercept = 1, 0
        made.PixelData = volume[:, :, index].T.astype("<i2").tobytes()
        made.file_meta = FileMetaDataset()
        made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        made.is_little_endian, made.is_implicit_VR = True, False
        files.append(folder / f"{index:03d}.dcm")
        made.save_as(files[-1], write_like_original=False)
    return files


def segments(made: Dataset) -> dict[str, int]:
    """Name -> number."""
    return {item.SegmentLabel: item.SegmentNumber for item in made.SegmentSequence}


def masks(made: Dataset, files: Sequence[Path]) -> dict[str, np.ndarray]:
    """Name of a segment -> its voxels (columns, rows, slices) in the order of the files of its series.

    Checks that each frame lies on the slice that it refers to.
    """
    slices = [dcmread(file, stop_before_pixels=True) for file in files]
    shape = slices[0].Columns, slices[0].Rows, len(slices)
    positions = np.array([image.ImagePositionPatient for image in slices], dtype=float)
    names = {number: name for name, number in segments(made).items()}
    found = {name: np.zeros(shape, bool) for name in names.values()}
    shared = made.SharedFunctionalGroupsSequence[0]
    orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    np.testing.assert_allclose(np.array(orientation, float), slices[0].ImageOrientationPatient, atol=1e-4)
    np.testing.assert_allclose(
        np.array(shared.PixelMeasuresSequence[0].PixelSpacing, float), slices[0].PixelSpacing, atol=1e-4
    )
    for plane, frame in zip(made.pixel_array, made.PerFrameFunctionalGroupsSequence):
        position = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        distances = np.linalg.norm(positions - position, axis=1)
        index = int(distances.argmin())
        assert distances[index] < 1e-2
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID == slices[index].SOPInstanceUID
        name = names[frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber]
        found[name][:, :, index] = plane.T.astype(bool)
    return found


def _decimals(values: Sequence[float] | np.ndarray) -> list[str]:
    """DICOM's decimal strings hold 16 characters."""
    return [f"{value:.10g}" for value in values]
