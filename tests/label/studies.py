"""Small made-up studies of the bundles for volumes."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

# Not in RAS order, not of equal voxels: what comes back must be in this grid.
T1_AFFINE = np.array([[0, 0, -1.2, 30], [-1.0, 0, 0, 20], [0, 0.9, 0, -25], [0, 0, 0, 1]])
# MONAI 1.6.1's SaveImaged, in the bundle's own inference, fails for axes in such an order, of which these are not.
T1_T2_AFFINE = np.array([[-1.2, 0, 0, 30], [0, -1.0, 0, 20], [0, 0, 0.9, -25], [0, 0, 0, 1]])


def tissues(seed: int, shape: tuple[int, int, int] = (36, 32, 40)) -> np.ndarray:
    """Blobs of three tissues in a ball of background: labels (H, W, D)."""
    field = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2.5)
    labels = np.digitize(field, np.quantile(field, [0.33, 0.66])) + 1
    grid = np.indices(shape) - np.reshape(shape, (3, 1, 1, 1)) / 2
    return (labels * (np.linalg.norm(grid, axis=0) < min(shape) / 2 - 2)).astype(np.uint8)


def image(labels: np.ndarray, seed: int, levels: tuple[float, ...] = (0, 40, 80, 120)) -> np.ndarray:
    """Tissues with noise, zero outside."""
    noise = np.random.default_rng(seed).normal(0, 4, labels.shape)
    return ((np.array(levels)[labels] + noise).clip(1) * (labels > 0)).astype(np.float32)


def write_t1(folder: Path, name: str, seed: int, shape: tuple[int, int, int] = (36, 32, 40)) -> tuple[Path, Path]:
    """``name.nii.gz`` and its label map ``labels_of_name.nii.gz`` beside the folder."""
    labels = tissues(seed, shape)
    return _write(folder, name, image(labels, seed), labels, T1_AFFINE)


def write_t1_t2(folder: Path, name: str, seed: int) -> tuple[Path, Path]:
    """The same of two contrasts, in one file of four axes."""
    labels = tissues(seed)
    contrasts = np.stack([image(labels, seed), image(labels, seed + 1, (0, 120, 80, 40))], axis=-1)
    return _write(folder, name, contrasts, labels, T1_T2_AFFINE)


def _write(folder: Path, name: str, voxels: np.ndarray, labels: np.ndarray, affine: np.ndarray) -> tuple[Path, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"{name}.nii.gz", folder.parent / f"labels_of_{name}.nii.gz"
    for path, data in zip(paths, (voxels, labels)):
        nib.save(nib.Nifti1Image(data, affine), path)
    return paths


def write_picture(folder: Path, name: str, seed: int, colours: bool = False) -> tuple[Path, Path]:
    """``name.png`` of a bright ellipse with speckle and, beside the folder, its mask of 0 and 255."""
    draw = np.random.default_rng(seed)
    rows, columns = np.indices((72, 100))
    middle, axes = draw.uniform([28, 40], [44, 60]), draw.uniform(12, 24, 2)
    mask = ((rows - middle[0]) / axes[0]) ** 2 + ((columns - middle[1]) / axes[1]) ** 2 < 1
    grey = np.where(mask, 160, 60) * draw.rayleigh(0.8, mask.shape)
    values = np.clip(np.stack([grey * share for share in (1, 0.6, 0.3)], -1) if colours else grey, 0, 255)
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"{name}.png", folder.parent / f"labels_of_{name}.png"
    Image.fromarray(values.astype(np.uint8)).save(paths[0])
    Image.fromarray(mask.astype(np.uint8) * 255).save(paths[1])
    return paths
