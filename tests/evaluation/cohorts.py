"""Folders of label maps as users have them."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

AFFINE = np.diag([1.0, 2.0, 1.5, 1.0])

# FACTS 1.6, the golden toy: label and prediction of one class in a 4 x 5 x 6 volume.
TOY_LABEL = np.zeros((4, 5, 6), np.uint8)
TOY_LABEL[1:3, 1:4, 1:5] = 1
TOY_PREDICTION = np.zeros((4, 5, 6), np.uint8)
TOY_PREDICTION[1:4, 1:3, 2:5] = 1
TOY_DICE = 0.5714285714


def save(path: Path, volume: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    """Write NIfTI or, for a name in .hdr, Analyze."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".hdr":
        image = nib.AnalyzeImage(volume.astype(np.int16), affine)
        image.header.set_zooms(nib.affines.voxel_sizes(affine))
    else:
        image = nib.Nifti1Image(volume, affine)
    nib.save(image, path)
    return path


def tissues(seed: int, shape: tuple[int, ...] = (8, 9, 10)) -> np.ndarray:
    """Return a label map with the classes 1, 2 and 3 in nested boxes and some noise."""
    volume = np.zeros(shape, np.uint8)
    for depth, value in enumerate((1, 2, 3), 1):
        volume[tuple(slice(depth, size - depth) for size in shape)] = value
    noise = np.random.default_rng(seed)
    return np.where(noise.random(shape) < 0.1, noise.integers(0, 4, shape), volume).astype(np.uint8)


def cohort(root: Path, count: int = 4) -> tuple[Path, Path]:
    """Write predictions and labels of ``count`` cases with the classes 1, 2, 3."""
    for number in range(count):
        save(root / "labels" / f"case{number}.nii.gz", tissues(0))
        save(root / "predictions" / f"case{number}_seg.nii.gz", tissues(number + 1))
    return root / "predictions", root / "labels"


def touch(root: Path, *names: str) -> None:
    """Make empty files for tests in which only the names matter."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
