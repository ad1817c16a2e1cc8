"""The only DICOM series of a folder, read as `nlseg infer` reads series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monai_nlseg.io.dicom.grid import Grid
from monai_nlseg.io.dicom.header import require
from monai_nlseg.io.dicom.planes import Plane, lies_in_patient
from monai_nlseg.io.dicom.series import is_dicom
from monai_nlseg.io.dicom.volume import damage_named, read_planes, read_series_headers, read_voxels

OTHERS = ("DICOMDIR", "LICENSE")
"""Names of files beside slices that are not slices."""


def read_series(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the series in a folder.

    Args:
        folder: folder that holds one series and no other DICOM.

    Returns:
        Voxels (W, H, D), float32 in the modality's units such as HU, the slices in the order of their instance numbers;
        and the affine (4, 4) from voxel to RAS+ mm.

    Raises:
        ValueError: as :func:`check_series`, or if pixels are damaged.
    """
    with damage_named(folder):
        headers, planes, grid = _planes(folder)
        voxels, affine = read_voxels(planes, grid).astype(np.float32), grid.affine
        if _numbered_backwards(headers, grid):
            voxels = voxels[:, :, ::-1]
            affine = affine @ [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, len(planes) - 1], [0, 0, 0, 1]]
        return voxels, affine


def check_series(folder: Path) -> None:
    """Check by the headers that a folder holds one DICOM series without gaps.

    Args:
        folder: folder that holds one series and no other DICOM.

    Raises:
        ValueError: without pydicom; for a damaged slice, none or only one, several series, or slices that make no
            regular volume, see :func:`~monai_nlseg.io.dicom.grid.grid_of`.
    """
    with damage_named(folder):
        _planes(folder)


def _planes(folder: Path) -> tuple[list[Any], list[Plane], Grid]:
    require("pydicom")
    files = _slices(folder)
    headers = read_series_headers(files) if files else []
    if headers and not lies_in_patient(headers[0]):
        raise ValueError(f"'{files[0]}' has no position in the patient: give a series of slices that have.")
    planes, grid = read_planes(files, headers) if headers else ([], None)
    if grid is None or len(planes) < 2:
        raise ValueError(f"'{folder}' holds {len(planes)} DICOM slices: expected a series of at least two.")
    return headers, planes, grid


def _slices(folder: Path) -> list[Path]:
    """Return the DICOM files of a folder, and those that have lost what makes them DICOM: reading these fails."""
    found = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    dicom = {path: is_dicom(path) for path in found if path.name not in OTHERS}
    suffixes = {path.suffix.lower() for path in dicom if dicom[path]}
    return [path for path in dicom if dicom[path] or path.suffix.lower() in suffixes]


def _numbered_backwards(headers: Sequence[Any], grid: Grid) -> bool:
    """Return whether the numbers of the instances fall along the normal of the slices."""
    numbers = [int(header.get("InstanceNumber") or 0) for header in headers]
    first, last = int(np.argmin(numbers)), int(np.argmax(numbers))
    return len(headers) == len(grid.ranks) and grid.ranks[first] > grid.ranks[last]
