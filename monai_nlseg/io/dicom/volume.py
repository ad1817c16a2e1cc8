"""The volume that the files of one DICOM series make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from monai_nlseg.io.dicom.decode import decode, in_units, read_image_header
from monai_nlseg.io.dicom.grid import Grid, grid_of
from monai_nlseg.io.dicom.planes import Plane, lies_in_patient, planes_of
from monai_nlseg.quiet import remarks_withheld


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Raise any error of a damaged header, wherever it is used, as one sentence without the header's values.

    Args:
        path: file or folder that is read, for the error.

    Raises:
        ValueError: instead of whatever else is raised.
    """
    with remarks_withheld():
        try:
            yield
        except ValueError:
            raise
        except Exception:  # the cause is a value that the standard does not allow
            raise ValueError(f"the header of '{path}' is damaged: restore the file.") from None


def read_series_headers(files: Sequence[Path]) -> list[Any]:
    """Read the headers of the files of one series.

    Args:
        files: DICOM files, in any order.

    Returns:
        Pydicom datasets without pixels, in the order of the files.

    Raises:
        ValueError: for a file that cannot be read or decoded, files of several series, or files of which some have a
            position in the patient and some have none.
    """
    headers = [read_image_header(path) for path in files]
    series = {str(header.get("SeriesInstanceUID")) for header in headers}
    if len(series) != 1:
        raise ValueError(f"'{files[0]}' and others belong to {len(series)} DICOM series: expected the files of one.")
    placed = [lies_in_patient(header) for header in headers]
    if any(placed) and not all(placed):
        raise ValueError(f"'{files[placed.index(False)]}' has no position in the patient, others of its series do.")
    return headers


def read_planes(files: Sequence[Path], headers: Sequence[Any]) -> tuple[list[Plane], Grid]:
    """Return the planes of a series, file by file and frame by frame, and their grid.

    Args:
        files: files of the series, in any order.
        headers: their headers, in the same order.

    Raises:
        ValueError: if the planes make no regular volume, see :func:`~monai_nlseg.io.dicom.grid.grid_of`.
    """
    planes = [plane for path, header in zip(files, headers) for plane in planes_of(header, path)]
    return planes, grid_of(planes)


def read_voxels(planes: Sequence[Plane], grid: Grid) -> np.ndarray:
    """Read the voxels of a series.

    Args:
        planes: planes as :func:`read_planes` returns them.
        grid: their grid.

    Returns:
        (columns, rows, slices) in the modality's units such as HU, int16 where that is exact, else float32.

    Raises:
        ValueError: if the pixels of a file are damaged or in colour.
    """
    volume = np.empty(grid.shape, np.int16, order="F")
    numbered = zip(planes, grid.ranks)
    for file, group in groupby(numbered, key=lambda pair: pair[0].file):
        for (plane, rank), pixels in zip(group, decode(file), strict=True):
            if pixels.ndim != 2:
                raise ValueError(f"'{file}' is in colour: expected a volume of one value per voxel.")
            values = in_units(pixels, plane.values, file)
            if volume.dtype == np.int16 and not _fits(values):
                volume = volume.astype(np.float32)
            volume[:, :, rank] = values.T
    return volume


def _fits(values: np.ndarray) -> bool:
    """Return whether int16 holds the values exactly."""
    limits = np.iinfo(np.int16)
    whole = values.dtype.kind in "iu" or bool((values == np.rint(values)).all())
    return whole and bool(values.min() >= limits.min) and bool(values.max() <= limits.max)
