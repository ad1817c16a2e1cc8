"""Checks that a case's files belong together, made before hours of work are spent on them."""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from monai.utils import ensure_tuple
from nibabel.arrayproxy import ArrayProxy
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import SpatialImage

__all__ = ["UNREADABLE", "check_volumes", "open_volume", "read_rows", "require_directory", "select_subjects"]

UNREADABLE = (ImageFileError, OSError, EOFError, ValueError, zlib.error)
"""What nibabel raises for a damaged file."""


def require_directory(path: str | Path, content: str) -> Path:
    """Return ``path`` as an existing directory.

    Args:
        path: the directory.
        content: what it should hold, for the error ("the IBSR18 folders IBSR_NN").

    Raises:
        ValueError: if it does not exist or is a file.
    """
    path = Path(path)
    if not path.is_dir():
        raise ValueError(f"'{path}' is not a directory: give the folder with {content}.")
    return path


def read_rows(path: Path) -> list[list[str]]:
    """The rows of a table (.csv), less those that are empty.

    Raises:
        ValueError: if it cannot be read or is no text.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"'{path}' cannot be read as a table ({error}): restore it, as text in UTF-8.") from None


def open_volume(path: str | Path) -> SpatialImage:
    """Open a NIfTI or Analyze volume without reading its voxels.

    Raises:
        ValueError: if the file is missing, empty, truncated or not a volume.
    """
    try:
        image = nib.load(path)
    except FileNotFoundError:
        raise ValueError(f"'{path}' does not exist: restore it or leave the case out.") from None
    except UNREADABLE as error:
        raise ValueError(f"'{path}' is not a readable NIfTI or Analyze volume ({error}): restore the file.") from None
    if not isinstance(image, SpatialImage):
        raise ValueError(f"'{path}' holds a {type(image).__name__}, not a volume: give NIfTI or Analyze.")
    if isinstance(image.dataobj, ArrayProxy):
        _refuse_truncated(Path(image.file_map["image"].filename), image.dataobj)
    return image


def check_volumes(
    case: str, images: Mapping[str, Path], label: Path | None = None, label_values: Collection[int] = ()
) -> None:
    """Check that a case's modalities and label share one grid and that the label holds known values only.

    Args:
        case: name of the case, for the errors.
        images: modality name -> file; the first is the reference.
        label: label file, if any.
        label_values: the values a label may hold.

    Raises:
        ValueError: for an unreadable file, a shape or affine that differs from the first modality's, or a label
            value that is not in ``label_values``.
    """
    files = dict(images) | ({"label": label} if label is not None else {})
    volumes = {name: open_volume(path) for name, path in files.items()}
    reference_name, reference = next(iter(volumes.items()))
    for name, volume in volumes.items():
        if _shape(volume) != _shape(reference):
            raise ValueError(
                f"{case}: {name} has shape {_shape(volume)}, {reference_name} has {_shape(reference)}: "
                "resample them to one grid."
            )
        if not np.allclose(volume.affine, reference.affine, atol=1e-3):
            raise ValueError(
                f"{case}: the affine of {name} differs from that of {reference_name} by up to "
                f"{np.abs(volume.affine - reference.affine).max():.4g}: resample them to one grid."
            )
    if label is not None:
        try:
            found = np.unique(np.asanyarray(volumes["label"].dataobj))
        except UNREADABLE as error:
            raise ValueError(f"{case}: the voxels of '{label}' cannot be read ({error}): restore the file.") from None
        unknown = [value for value in found.tolist() if value not in set(label_values)]
        if unknown:
            raise ValueError(
                f"{case}: label '{label}' holds {unknown[:5]}, expected only {sorted(label_values)}: "
                "map the labels to these values."
            )


def select_subjects(available: Mapping[str, object], subjects: Sequence[str | int] | None, root: Path) -> list[str]:
    """The names of ``available`` that ``subjects`` asks for (all of them for None), in the order asked.

    Raises:
        ValueError: if a subject is not there or asked for twice, or nothing is there.
    """
    if not available:
        raise ValueError(f"'{root}' holds no subject in the expected layout: see the reader's documentation.")
    if subjects is None:
        return list(available)
    wanted = [str(subject) for subject in ensure_tuple(subjects)]
    missing = [subject for subject in wanted if subject not in available]
    if missing:
        raise ValueError(f"'{root}' has no subject {missing}: it holds {list(available)}.")
    if len(set(wanted)) < len(wanted):
        raise ValueError(f"the subjects {wanted} hold one twice: name each once, for its cases would count double.")
    return wanted


def _refuse_truncated(path: Path, voxels: ArrayProxy) -> None:
    """Compare what a file holds with what its header announces."""
    needed = voxels.offset + math.prod(voxels.shape) * voxels.dtype.itemsize
    try:
        found = _unpacked_size(path, needed) if path.suffix == ".gz" else path.stat().st_size
    except FileNotFoundError:
        raise ValueError(f"'{path}' does not exist: restore it or leave the case out.") from None
    except UNREADABLE as error:
        raise ValueError(f"'{path}' is truncated or damaged ({error}): restore it or leave the case out.") from None
    if found < needed:
        raise ValueError(
            f"'{path}' is truncated: it holds {found} bytes, its header announces {needed}: restore it or leave the "
            "case out."
        )


def _unpacked_size(path: Path, needed: int) -> int:
    # The last four bytes of a whole gzip file are its unpacked size, which spares unpacking; where they are not what
    # is needed, it may still be a file of several members or with more behind the voxels.
    with path.open("rb") as file:
        file.seek(-4, 2)
        if int.from_bytes(file.read(), "little") == needed % 2**32:
            return needed
    with gzip.open(path) as unpacked:
        return unpacked.seek(0, 2)


def _shape(volume: SpatialImage) -> tuple[int, ...]:
    """Spatial shape; Analyze and NIfTI files often carry a fourth axis of length one."""
    shape = tuple(int(size) for size in volume.shape)
    return shape[:3] if len(shape) == 4 and shape[3] == 1 else shape
