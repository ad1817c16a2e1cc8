"""DICOM files grouped into series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai.utils import optional_import

__all__ = ["find_series", "is_dicom"]

TAGS = ("SeriesInstanceUID", "InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient", "NumberOfFrames")


def is_dicom(path: Path) -> bool:
    """Whether the file begins as DICOM does: 128 bytes, then DICM."""
    with path.open("rb") as file:
        file.seek(128)
        return file.read(4) == b"DICM"


def find_series(root: Path, files: Sequence[Path]) -> dict[str, tuple[Path, ...]]:
    """Series, each with its files in the order of its slices, by a name below ``root``.

    The name is the folder's; where a folder holds several series, the SeriesInstanceUID below it. A multi-frame file is
    a series of its own, named after the file.

    Raises:
        ValueError: without pydicom, or for a file whose header cannot be read.
    """
    if not files:
        return {}
    series: dict[tuple[Path, str], list[tuple[float, Path]]] = defaultdict(list)
    found: dict[str, tuple[Path, ...]] = {}
    for path in files:
        header = _header(path)
        if int(header.get("NumberOfFrames") or 1) > 1:
            found[path.relative_to(root).with_suffix("").as_posix()] = (path,)
        else:
            series[path.parent, str(header.get("SeriesInstanceUID"))].append((_position(header), path))
    folders = [folder for folder, _ in series]
    for (folder, uid), slices in series.items():
        name = folder.relative_to(root)
        if folders.count(folder) > 1 or name == Path():
            name = name / uid
        found[name.as_posix()] = tuple(path for _, path in sorted(slices))
    return found


def _header(path: Path) -> Any:
    pydicom, installed = optional_import("pydicom")
    if not installed:
        raise ValueError(f"'{path}' is DICOM, which needs pydicom: pip install 'monai-nlseg[dicom]'.")
    try:
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(TAGS))
    except Exception as error:  # pydicom raises what a damaged header makes of it
        raise ValueError(f"the DICOM header of '{path}' cannot be read ({error}): restore the file.") from None


def _position(header: Any) -> float:
    """Along the slices' normal in mm, else the number of the instance."""
    try:
        row, column = [float(x) for x in header.ImageOrientationPatient[:3]], header.ImageOrientationPatient[3:]
        a, b = row, [float(x) for x in column]
        normal = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
        return sum(n * float(x) for n, x in zip(normal, header.ImagePositionPatient))
    except (AttributeError, TypeError, ValueError):
        return float(header.get("InstanceNumber") or 0)
