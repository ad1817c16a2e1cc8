"""Ways in which a volume is broken, and what is said of each."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np

__all__ = ["DAMAGE"]


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def nan(path: Path) -> None:
    def change(values: np.ndarray) -> np.ndarray:
        values[3, 4, 5] = np.nan
        return values

    _rewritten(path, change)


def constant(path: Path) -> None:
    _rewritten(path, np.zeros_like)


def channels(path: Path) -> None:
    _rewritten(path, lambda values: np.stack([values, values], -1))


def huge(path: Path) -> None:
    """A header of 32 TB before few voxels."""
    image = nibabel.load(path)
    header = image.header.copy()
    header.set_data_shape((20000, 20000, 20000))
    content = header.binaryblock + bytes(4) + np.asarray(image.dataobj).tobytes()
    path.write_bytes(gzip.compress(content))


def _rewritten(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    image = nibabel.load(path)
    values = change(np.array(image.dataobj))
    nibabel.save(nibabel.Nifti1Image(values, image.affine), path)


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "truncated": (truncated, "is truncated or damaged (it is cut off)"),
    "empty": (empty, "is empty"),
    "nan": (nan, "1 voxels that are NaN or infinite"),
    "constant": (constant, "has the value 0 everywhere"),
    "channels": (channels, ".nii.gz', the bundle takes 1: give one file per modality"),
    "huge": (huge, "has 8,000,000,000,000 voxels"),
}
