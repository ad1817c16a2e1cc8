"""Headers of DICOM files: whether one is an image, and where its planes lie in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from monai.utils import optional_import

__all__ = [
    "Plane",
    "class_of",
    "is_image",
    "is_picture",
    "lies_in_patient",
    "lost_its_image",
    "planes_of",
    "read_header",
    "reason",
    "require",
]

TAGS = (
    "SpecificCharacterSet",
    "SOPClassUID",
    "Modality",
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "InstanceNumber",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "NumberOfFrames",
    "Rows",
    "Columns",
)
CAMERAS = ("US", "IVUS", "OP", "OPT", "XC", "ES", "GM", "SM", "DMS")
"""Modalities of pictures: ultrasound, photographs of the eye and its tomography, photographs of the body, through
endoscopes and microscopes, of slides and of the skin."""
MULTIPLE = {"SpecificCharacterSet", "PatientID", "SeriesDescription", "ImagePositionPatient", "ImageOrientationPatient"}
"""Tags that may have several values, names because of a backslash in them."""


@dataclass(frozen=True)
class Plane:
    """One frame of a DICOM file and where it lies.

    Attributes:
        file: the file.
        frame: its index in the file, or None in a single-frame file.
        position: (3,) centre of the first pixel, LPS, mm.
        orientation: (6,) directions of growing columns and of growing rows, LPS.
        spacing: (2,) between rows and between columns, mm.
        shape: rows and columns.
        thickness: mm, or None.
        values: the dataset with the modality LUT, or the slope and intercept, of the frame.
    """

    file: Path
    frame: int | None
    position: np.ndarray
    orientation: np.ndarray
    spacing: np.ndarray
    shape: tuple[int, int]
    thickness: float | None
    values: Any

    def __str__(self) -> str:
        return f"'{self.file}'" if self.frame is None else f"frame {self.frame + 1} of '{self.file}'"


def require(package: str) -> Any:
    """Pydicom or highdicom.

    Raises:
        ValueError: if it is not installed.
    """
    module, installed = optional_import(package)
    if not installed:
        raise ValueError(f"DICOM needs {package}: pip install 'monai-nlseg[dicom]'.")
    return module


def read_header(path: Path, complete: bool = True) -> Any:
    """A file without its pixels, all of it or what tells series and planes apart, as a pydicom dataset.

    Raises:
        ValueError: without pydicom, or for a file that is no DICOM or is damaged.
    """
    pydicom = require("pydicom")
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=None if complete else list(TAGS))
        for tag in TAGS:  # a value is decoded, and so fails, when it is asked for
            if isinstance(header.get(tag), pydicom.multival.MultiValue) and tag not in MULTIPLE:
                raise ValueError(f"{tag} has several values")
        if complete:
            _drop_undecodable(header)
    except Exception as error:  # pydicom raises what a damaged header makes of it
        raise ValueError(f"'{path}' cannot be read as DICOM ({reason(error)}): restore the file.") from None
    return header


def reason(error: Exception) -> str:
    """The first line of what a package says, cut to stand in a sentence."""
    return next(iter(str(error).strip().splitlines()), "")[:200].rstrip(".") or type(error).__name__


def _drop_undecodable(dataset: Any) -> None:
    """Scanners write private elements that pydicom cannot decode; the image is sound all the same."""
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except Exception:  # each kind of value raises its own
            del dataset[tag]
            continue
        for item in element.value if element.VR == "SQ" else ():
            _drop_undecodable(item)


def is_image(header: Any) -> bool:
    """Whether a header tells of an image: no report, presentation state, segmentation, dose or directory."""
    name = class_of(header)
    return (not name or name[0].isdigit() or _has_pixels(name)) and "Rows" in header and "Columns" in header


def is_picture(header: Any) -> bool:
    """Return whether an image comes from ultrasound or a camera, also if it was captured secondarily."""
    return header.get("Modality") in CAMERAS


def lost_its_image(header: Any) -> bool:
    """Whether the file is cut off before it says how large its image is, or even what it is."""
    name = class_of(header)
    return "Rows" not in header and (not name or _has_pixels(name))


def class_of(header: Any) -> str:
    """The name of the SOP class; the UID itself if it is private, empty if it is missing."""
    # A DICOMDIR has it in the file's meta information alone.
    uid = header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID")
    return str(getattr(uid, "name", ""))


def _has_pixels(name: str) -> bool:
    return "Image Storage" in name or name == "Enhanced US Volume Storage"


def lies_in_patient(header: Any) -> bool:
    """Whether the planes have positions in the patient; those of an ultrasound image are not used."""
    if header.get("Modality") == "US":
        return False
    if "PerFrameFunctionalGroupsSequence" in header:
        try:
            return bool(_macros(header, 0, "PlanePosition").ImagePositionPatient)
        except (AttributeError, IndexError):
            return False
    single = int(header.get("NumberOfFrames") or 1) == 1
    return bool(single and header.get("ImagePositionPatient") and header.get("ImageOrientationPatient"))


def planes_of(header: Any, file: Path) -> list[Plane]:
    """The planes of a file, in the order of its frames.

    Raises:
        ValueError: if a position, an orientation or a spacing is missing or no number.
    """
    try:
        if "PerFrameFunctionalGroupsSequence" not in header:
            return [_plane(header, file, None, header, header, header, header)]
        parts = ("PlanePosition", "PlaneOrientation", "PixelMeasures", "PixelValueTransformation")
        return [
            _plane(header, file, frame, *(_macros(header, frame, part) for part in parts))
            for frame in range(int(header.NumberOfFrames))
        ]
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise ValueError(
            f"'{file}' lacks where a plane lies in the patient ({reason(error)}): restore the file."
        ) from None


def _plane(header: Any, file: Path, frame: int | None, where: Any, turned: Any, measures: Any, values: Any) -> Plane:
    position, orientation, spacing = (
        _numbers(dataset, keyword, count)
        for dataset, keyword, count in (
            (where, "ImagePositionPatient", 3),
            (turned, "ImageOrientationPatient", 6),
            (measures, "PixelSpacing", 2),
        )
    )
    thickness = float(measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or 0) or None
    return Plane(file, frame, position, orientation, spacing, (header.Rows, header.Columns), thickness, values)


def _numbers(dataset: Any, keyword: str, count: int) -> np.ndarray:
    numbers = np.array(dataset.get(keyword) or (), dtype=float)
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise ValueError(f"no {keyword}")
    return numbers


def _macros(header: Any, frame: int, name: str) -> Any:
    """A functional group of a frame; one that all frames share stands apart."""
    shared = header.get("SharedFunctionalGroupsSequence", [{}])
    for groups in (header.PerFrameFunctionalGroupsSequence[frame], shared[0]):
        found = groups.get(f"{name}Sequence")
        if found:
            return found[0]
    return {}
