"""Small data sets as people have them, with the faults that tests ask for."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from zlib import crc32

import nibabel as nib
import numpy as np
from PIL import Image

from monai_nlseg.training.cases.case import TrainingCase, TrainingData

AFFINE = np.diag([1.0, 2.0, 1.5, 1.0])
SHAPE = (12, 10, 8)


def intensities(seed: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 900, shape).astype(np.int16)


def boxes(shape: tuple[int, ...] = SHAPE, values: tuple[int, ...] = (1, 2), shift: int = 0) -> np.ndarray:
    """Return a label map of nested boxes, the first value outside."""
    label = np.zeros(shape, np.uint8)
    for depth, value in enumerate(values, 1):
        label[tuple(slice(depth, size - depth) for size in shape)] = value
    return np.roll(label, shift, axis=0)


def save(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        Image.fromarray(array).save(path)
    else:
        nib.save(nib.Nifti1Image(array, affine), path)
    return str(path)


def volume_case(
    root: Path,
    name: str,
    image: np.ndarray | None = None,
    label: np.ndarray | None = None,
    *,
    affine: np.ndarray = AFFINE,
    label_affine: np.ndarray | None = None,
    subject: str | None = None,
    seed: int | None = None,
) -> TrainingCase:
    number = crc32(name.encode()) if seed is None else seed
    image = intensities(number) if image is None else image
    label = boxes(image.shape[:3], shift=number % 2) if label is None else label
    if label.shape == SHAPE:  # no two label maps are equal by chance
        for bit, place in enumerate(product(range(2, 10), [1], [1, 6])):
            label[place] *= 1 - (number >> bit & 1)
    return TrainingCase(
        name,
        (save(root / "images" / f"{name}.nii", image, affine),),
        (save(root / "labels" / f"{name}.nii", label, affine if label_affine is None else label_affine),),
        subject or name,
    )


def picture_case(root: Path, name: str, image: np.ndarray, *masks: np.ndarray) -> TrainingCase:
    return TrainingCase(
        name,
        (save(root / f"{name}.png", image),),
        tuple(save(root / f"{name}_mask_{number}.png", mask) for number, mask in enumerate(masks)),
        name,
    )


def data_of(*cases: TrainingCase, **properties) -> TrainingData:
    return TrainingData("folders", "somewhere", cases, **properties)
