"""Synthetic DICOM files with the headers that hospitals export: type-2 tags are missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
OBLIQUE = (0.8, 0.6, 0.0, 0.0, 0.0, -1.0)
SPACING = (0.5, 0.75, 2.0)
"""Between columns, rows and slices, mm."""


def uid(*parts: object) -> str:
    return generate_uid(entropy_srcs=["monai_nlseg tests", *map(str, parts)])


def voxels(shape: tuple[int, int, int] = (7, 5, 4), seed: int = 0) -> np.ndarray:
    """(columns, rows, slices), int16."""
    return np.random.default_rng(seed).integers(-1000, 2000, shape).astype(np.int16)


def header(sop_class: str, name: object, series: object = "series", **tags: Any) -> Dataset:
    """A file without pixels that has no tag of type 2."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = sop_class, uid("instance", series, name)
    made.StudyInstanceUID, made.SeriesInstanceUID = uid("study"), uid("series", series)
    made.PatientID = "anon-1"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    return made


def set_pixels(made: Dataset, pixels: np.ndarray, photometric: str = "MONOCHROME2", stored: int | None = None) -> None:
    """Pixels (..., rows, columns), or (..., rows, columns, 3) unless ``photometric`` begins with MONOCHROME."""
    colour = not photometric.startswith(("MONOCHROME", "PALETTE"))
    made.Rows, made.Columns = pixels.shape[-3:-1] if colour else pixels.shape[-2:]
    made.SamplesPerPixel, made.PhotometricInterpretation = 3 if colour else 1, photometric
    if colour:
        made.PlanarConfiguration = 0
    bits = 8 * pixels.dtype.itemsize
    made.BitsAllocated, made.BitsStored, made.HighBit = bits, stored or bits, (stored or bits) - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    data = np.ascontiguousarray(pixels).tobytes()
    made.PixelData = data + bytes(len(data) % 2)
    made["PixelData"].VR = "OB" if bits == 8 else "OW"


def save(made: Dataset, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)
    return path


def write_series(
    folder: Path,
    volume: np.ndarray,
    orientation: Sequence[float] = AXIAL,
    shift: float = 0.0,
    series: object = "series",
    **tags: Any,
) -> list[Path]:
    """A CT series of (columns, rows, slices), stored as HU + 1024, each slice ``shift`` mm further along its rows."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    files = []
    for index in range(volume.shape[2]):
        position = np.array([-20, -30, 40]) + index * (SPACING[2] * np.cross(row, column) + shift * row)
        made = header(CTImageStorage, index, series, Modality="CT", InstanceNumber=100 - index)
        made.FrameOfReferenceUID = uid("frame", series)
        made.ImageOrientationPatient = list(orientation)
        made.ImagePositionPatient = [f"{x:.8g}" for x in position]
        made.PixelSpacing = [SPACING[1], SPACING[0]]
        made.RescaleSlope, made.RescaleIntercept = 1, -1024
        set_pixels(made, (volume[:, :, index].T.astype(int) + 1024).astype(np.uint16))
        for keyword, value in tags.items():
            setattr(made, keyword, value)
        files.append(save(made, folder / f"IM{index:04d}.dcm"))
    return files


def write_enhanced(
    path: Path, volume: np.ndarray, orientation: Sequence[float] = AXIAL, times: int = 1, shared_groups: bool = True
) -> Path:
    """An enhanced MR of (columns, rows, slices) whose frames run from the last slice to the first.

    What is equal in all frames is stated once, or in each as some scanners do.
    """
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    made = header(EnhancedMRImageStorage, "enhanced", "enhanced", Modality="MR", SeriesNumber=7)
    made.FrameOfReferenceUID = uid("frame")
    made.NumberOfFrames = volume.shape[2] * times
    shared, orientations, measures, values = Dataset(), Dataset(), Dataset(), Dataset()
    orientations.ImageOrientationPatient = list(orientation)
    measures.PixelSpacing, measures.SliceThickness = [SPACING[1], SPACING[0]], SPACING[2]
    values.RescaleSlope, values.RescaleIntercept, values.RescaleType = 0.5, 10, "US"
    made.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for index in reversed(range(volume.shape[2])):
        for _ in range(times):
            frame, place, content = Dataset(), Dataset(), Dataset()
            equal = shared if shared_groups else frame
            equal.PlaneOrientationSequence, equal.PixelMeasuresSequence = [orientations], [measures]
            equal.PixelValueTransformationSequence = [values]
            position = np.array([-20, -30, 40]) + index * SPACING[2] * np.cross(row, column)
            place.ImagePositionPatient = [f"{x:.8g}" for x in position]
            content.DimensionIndexValues = [index + 1]
            frame.PlanePositionSequence, frame.FrameContentSequence = [place], [content]
            groups.append(frame)
    made.PerFrameFunctionalGroupsSequence = groups
    set_pixels(made, np.repeat(volume.transpose(2, 1, 0)[::-1], times, axis=0))
    return save(made, path)


def write_ultrasound(path: Path, pixels: np.ndarray, photometric: str = "MONOCHROME2", **tags: Any) -> Path:
    """Ultrasound without a position in the patient; a leading axis more makes it multi-frame."""
    stored = tags.pop("stored", None)
    many = pixels.ndim == (3 if photometric.startswith(("MONOCHROME", "PALETTE")) else 4)
    kind = UltrasoundMultiFrameImageStorage if many else UltrasoundImageStorage
    made = header(kind, path.name, "ultrasound", Modality="US")
    if many:
        made.NumberOfFrames = len(pixels)
        made.FrameTime = 40
        made.FrameIncrementPointer = 0x00181063
    set_pixels(made, pixels, photometric, stored)
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    return save(made, path)


def affine_of(orientation: Sequence[float] = AXIAL) -> np.ndarray:
    """What the series above should have, from (column, row, slice) to RAS."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    lps = np.eye(4)
    steps = [row * SPACING[0], column * SPACING[1], np.cross(row, column) * SPACING[2], [-20, -30, 40]]
    lps[:3] = np.stack(steps, axis=1)
    return np.diag([-1, -1, 1, 1]) @ lps
