"""Where the planes of DICOM images lie in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monai_nlseg.io.reasons import reason


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


def lies_in_patient(header: Any) -> bool:
    """Return whether the planes have positions in the patient; those of an ultrasound image are not used.

    Args:
        header: pydicom dataset.
    """
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
    """Return the planes of a file, in the order of its frames.

    Args:
        header: pydicom dataset.
        file: its file.

    Raises:
        ValueError: if a position, an orientation or a spacing is missing or not a number.
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
    """Return a functional group of a frame; one that all frames share is stored apart."""
    shared = header.get("SharedFunctionalGroupsSequence", [{}])
    for groups in (header.PerFrameFunctionalGroupsSequence[frame], shared[0]):
        found = groups.get(f"{name}Sequence")
        if found:
            return found[0]
    return {}
