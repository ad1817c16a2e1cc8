"""Made-up labelled images for each bundle, small enough to be trained on in seconds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from PIL import Image

from monai_nlseg.bundle import find_bundle
from monai_nlseg.label.served import ServedBundle
from tests.label.studies import T1_AFFINE, tissues, write_picture, write_t1, write_t1_t2

T1 = "brain_t1_nonlocal_unet_segmentation"
ISEG = "iseg_mri_nonlocal_unet_segmentation"
CTA = "intracranial_vessel_dnlnet_segmentation"
LAEDNET = "ultrasound_laednet_segmentation"
RETINA = "retinal_vessel_dnlnet_segmentation"
EFFICIENT = "nerve_ultrasound_efficientunet_segmentation"
REGION = "nerve_ultrasound_region_aware_segmentation"

SHORT: dict[str, dict[str, Any]] = {
    T1: {"windows_per_epoch": 4, "roi_size": [32, 32, 32], "crop_size": [40, 40, 40]},
    ISEG: {"windows_per_epoch": 5},
    CTA: {"roi_size": [32, 32]},
    LAEDNET: {"image_size": [64, 64], "batch_size": 4},
    RETINA: {"windows_per_epoch": 4, "batch_size": 2, "longest_side": 200},
    EFFICIENT: {"image_size": [64, 96], "batch_size": 4},
    REGION: {"image_size": [64, 64], "batch_size": 4},
}
"""Ids of the training configs that make an epoch short."""


def write_vessels(folder: Path, name: str, seed: int) -> tuple[Path, Path]:
    """A CT volume with bright tissue for vessels, and its mask."""
    mask = (tissues(seed) == 3).astype(np.uint8)
    noise = np.random.default_rng(seed).normal(50, 10, mask.shape)
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"{name}.nii.gz", folder.parent / f"labels_of_{name}.nii.gz"
    nib.save(nib.Nifti1Image(np.where(mask, noise + 400, noise).astype(np.int16), T1_AFFINE), paths[0])
    nib.save(nib.Nifti1Image(mask, T1_AFFINE), paths[1])
    return paths


def write_fundus(folder: Path, name: str, seed: int) -> tuple[Path, Path]:
    """A colour photograph, lit within a disc."""
    image, label = write_picture(folder, name, seed, colours=True)
    pixels = np.asarray(Image.open(image)).clip(40)
    rows, columns = np.indices(pixels.shape[:2])
    lit = (rows - 35.5) ** 2 + (columns - 49.5) ** 2 < 35**2
    Image.fromarray(pixels * lit[..., None]).save(image)
    Image.fromarray(np.asarray(Image.open(label)) * lit).save(label)
    return image, label


WRITES = {T1: write_t1, ISEG: write_t1_t2, CTA: write_vessels, RETINA: write_fundus}


def write_labelled(bundle: str, studies: Path, count: int) -> list[dict[str, str]]:
    """Images ``case_N`` with their labels where MONAI Label's local datastore has the final ones; its datalist."""
    final = studies / "labels" / "final"
    final.mkdir(parents=True)
    datalist = []
    for number in range(count):
        image, label = WRITES.get(bundle, write_picture)(studies, f"case_{number}", number)
        datalist.append({"image": str(image), "label": shutil.move(label, final / image.name)})
    return [{key: str(path) for key, path in pair.items()} for pair in datalist]


def shorten(root: Path, **further: Any) -> None:
    """Make an epoch of a bundle's copy short."""
    config = root / "configs" / "train.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | SHORT[root.name] | further))


def short_copy(bundle: str, folder: Path, **overrides: Any) -> ServedBundle:
    """A copy of a bundle of which an epoch is short, with its weights."""
    root = folder / "model" / bundle
    shutil.copytree(
        find_bundle(bundle), root, ignore=shutil.ignore_patterns("eval", "runs", "checkpoint_*", "*earlier*")
    )
    shorten(root)
    return ServedBundle(bundle, root, overrides)
