"""Simulated CT angiographies, and the bundle of intracranial vessels made small for them."""

from __future__ import annotations

import shutil

import nibabel as nib
import numpy as np
from monai.bundle import ConfigWorkflow

from monai_nlseg.bundle import find_bundle
from monai_nlseg.data import load_cta
from monai_nlseg.simulate import simulate_cta
from tests.bundles.commands import INTRACRANIAL

CONFIGS = find_bundle(INTRACRANIAL) / "configs"
SIZE = (64, 64, 32)
SMALL = {"network_def#channels": [8, 16], "roi_size": [64, 64]}
SMALL_TRAIN = {**SMALL, "windows_per_epoch": 8, "batch_size": 4, "val_interval": 1}


def folders(dataset, folder):
    return {"dataset_dir": str(dataset), "ckpt_dir": str(folder / "models"), "output_dir": str(folder / "eval")}


def build(dataset, folder, config="train", **overrides):
    return ConfigWorkflow(
        config_file=str(CONFIGS / f"{config}.json"),
        meta_file=str(CONFIGS / "metadata.json"),
        logging_file=False,
        workflow_type="infer" if config == "inference" else "train",
        **{**folders(dataset, folder), **SMALL, **overrides},
    )


def cta_folder(root):
    """Simulate four patients: two DICOM series and two NIfTI files, one of these in other axes than CT is stored in."""
    simulate_cta(root, 4, size=SIZE, dicom=True)
    for subject in ("patient-003", "patient-004"):
        series = load_cta(root / subject / "image")
        image = nib.Nifti1Image(series.numpy().astype(np.int16), series.affine.numpy())
        label = nib.load(root / subject / "label.nii.gz")
        if subject == "patient-003":
            image, label = (nib.as_closest_canonical(volume) for volume in (image, label))
            label = nib.Nifti1Image(np.asarray(label.dataobj), label.affine)
        nib.save(image, root / subject / "image.nii.gz")
        nib.save(label, root / subject / "label.nii.gz")
        shutil.rmtree(root / subject / "image")
    return root
