"""Small data sets of four kinds, and plans for them made by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from PIL import Image

from monai_nlseg.training.cases.case import Classes, LabelClass, TrainingCase, TrainingData
from monai_nlseg.training.fingerprint.fingerprint import CaseFingerprint, ChannelIntensity, Fingerprint
from monai_nlseg.training.planning.plan import Plan
from monai_nlseg.training.planning.settings import Settings

CASES = 4
AFFINE = np.diag([-1.0, 1.0, 2.0, 1.0])  # LAS, slices twice as thick


@dataclass(frozen=True)
class Kind:
    """A kind of data set: its classes and channels, and the settings that differ from the others'."""

    classes: Classes
    channels: tuple[str, ...]
    settings: dict[str, Any]
    values: tuple[int, ...]
    shape: tuple[int, ...]
    files: int = 1


UNET = "monai_nlseg.networks.nets.NonLocalUNet"


def _network(dims: int, inputs: int, outputs: int) -> dict[str, Any]:
    norm = ["instance", {"affine": True}]
    arguments = {"spatial_dims": dims, "in_channels": inputs, "out_channels": outputs, "features": 4, "depth": 2}
    return {"name": "unet", "target": UNET, "arguments": arguments | {"norm": norm}, "divisor": 2}


def _classes(*values: int) -> Classes:
    return Classes(tuple(LabelClass(f"tissue {value}", (value,)) for value in values))


VOLUME = {
    "geometry": {"orientation": "RAS", "spacing": None, "size": None},
    "augmentation": {"flip_axes": [0], "rotation": [0.1, 0.1, 0.2], "scaling": 0.1, "bias_field": 0.05},
    "sampling": {"window": [8, 8, 8], "batch_size": 2},
    "inference": {"step": [4, 4, 4], "flips": False},
}
KINDS = {
    "volumes": Kind(
        classes=_classes(10, 150, 250),
        channels=("T1",),
        settings=VOLUME
        | {
            "geometry": {"orientation": "RAS", "spacing": [1.0, 1.0, 1.5], "size": None},
            "intensity": [{"kind": "zscore-nonzero"}],
            "network": _network(3, 1, 4),
            "sampling": {"window": [8, 8, 8], "batch_size": 2, "class_ratios": [1, 2, 2, 2]},
        },
        values=(0, 10, 150, 250),
        shape=(18, 17, 9),
    ),
    "vessels": Kind(
        classes=_classes(1),
        channels=("red", "green", "blue"),
        settings={
            "geometry": {"orientation": None, "spacing": None, "size": None},
            "intensity": [{"kind": "zscore"}] * 3,
            "network": _network(2, 3, 2),
            "sampling": {"window": [16, 16], "batch_size": 2, "class_ratios": [1, 1]},
            "augmentation": {"flip_axes": [0, 1], "rotation": [3.0], "scaling": 0.2},
            "inference": {"step": [8, 8], "flips": True},
            "schedule": {"loss": "dice-focal", "class_weights": [1, 2]},
        },
        values=(0, 1),
        shape=(36, 30),
    ),
    "lesions": Kind(
        classes=_classes(255),
        channels=("ultrasound",),
        settings={
            "geometry": {"orientation": None, "spacing": None, "size": [32, 32]},
            "intensity": [{"kind": "unit"}],
            "network": _network(2, 1, 1),
            "sampling": {"window": [32, 32], "batch_size": 2},
            "augmentation": {"flip_axes": [1], "rotation": [0.2], "scaling": 0.2},
            "inference": {"step": [32, 32], "flips": True},
        },
        values=(0, 255),
        shape=(40, 35),
    ),
    "regions": Kind(
        classes=Classes(
            (LabelClass("whole", (1, 2)), LabelClass("core", (2,))), overlapping=True, painted=(1, 2), ignored=3
        ),
        channels=("FLAIR", "CT"),
        settings=VOLUME
        | {
            "intensity": [
                {"kind": "zscore"},
                {"kind": "range", "lower": -100, "upper": 300, "mean": 40, "deviation": 60},
            ],
            "network": _network(3, 2, 2),
            "sampling": {"window": [8, 8, 8], "batch_size": 2, "class_ratios": [1, 1, 1]},
            "schedule": {"class_weights": [1, 1, 3]},
        },
        values=(0, 1, 2, 3),
        shape=(12, 11, 10),
        files=2,
    ),
}
COMMON: dict[str, dict[str, Any]] = {
    "augmentation": {"contrast": [0.7, 1.4], "brightness": 0.1, "noise": 0.1, "blur": 0.5, "bias_field": 0.0},
    "schedule": {
        "iterations": 4,
        "epoch": 2,
        "validation_interval": 1,
        "learning_rate": 0.001,
        "weight_decay": 0.01,
        "loss": "dice-ce",
        "class_weights": [],
        "precision": "float32",
        "seed": 0,
    },
    "division": {"test_share": 0.0, "folds": 2, "validation_share": 0.2},
}


def make_plan(kind: str, folder: Path, **changes: dict[str, Any]) -> Plan:
    """Write the images and label maps of a kind, and their datalist of two folds, and return a plan for them.

    Args:
        kind: a key of :data:`KINDS`.
        folder: folder of the images and of ``datalist.json``.
        changes: section of the settings -> what differs in it.
    """
    about = KINDS[kind]
    cases = tuple(_write(about, folder, number) for number in range(CASES))
    entries = [
        {"case": case.name, "image": _one(case.images), "label": _one(case.labels), "fold": number % 2}
        for number, case in enumerate(cases)
    ]
    (folder / "datalist.json").write_text(json.dumps({"training": entries}))
    found = Fingerprint(
        data=TrainingData(kind, str(folder), cases),
        spatial_dims=len(about.shape),
        classes=about.classes,
        channels=about.channels,
        cases=tuple(_measured(case, about) for case in cases),
        findings=(),
    )
    sections = {
        name: COMMON.get(name, {}) | about.settings.get(name, {}) | changes.get(name, {})
        for name in (*COMMON, "geometry", "network", "sampling", "inference")
    }
    settings = Settings.model_validate(
        {"spatial_dims": len(about.shape), "intensity": about.settings["intensity"], **sections}
    )
    return Plan(found, settings, {"sampling.window": "As large as a batch fits."})


def new_image(kind: str, folder: Path) -> Path:
    """Write an image that has no label, and return its folder; several files are named as nnU-Net names them.

    Args:
        kind: a key of :data:`KINDS`.
        folder: an empty folder.
    """
    about = KINDS[kind]
    labels = _labels(about, 7)
    folder.mkdir(parents=True)
    for channel in range(about.files):
        suffix = f"_{channel:04d}" if about.files > 1 else ""
        _save(_image(about, labels, channel), folder / f"new{suffix}")
    return folder


def _write(about: Kind, folder: Path, number: int) -> TrainingCase:
    labels = _labels(about, number)
    name = f"case_{number}"
    images = [_save(_image(about, labels, channel), folder / f"{name}_{channel}") for channel in range(about.files)]
    label = _save(labels.astype(np.uint8), folder / f"{name}_label")
    return TrainingCase(name, tuple(map(str, images)), (str(label),), subject=name)


def _labels(about: Kind, number: int) -> np.ndarray:
    """Return nested boxes around the centre, shifted a little from case to case."""
    labels = np.zeros(about.shape)
    for depth, value in enumerate(about.values[1:], 1):
        inside = tuple(slice(depth + 1 + number % 2, side - depth - 1) for side in about.shape)
        labels[inside] = value
    return labels


def _image(about: Kind, labels: np.ndarray, channel: int) -> np.ndarray:
    random = np.random.default_rng(channel)
    steps = np.searchsorted(about.values, labels) * (40 + 10 * channel)
    image = np.where(labels > 0, steps + random.integers(1, 20, labels.shape), 0)
    if len(about.channels) == 3:
        image = np.stack([image, image // 2, image // 3], axis=-1)
    return image.astype(np.uint8 if len(about.shape) == 2 else np.int16)


def _save(values: np.ndarray, path: Path) -> Path:
    if values.ndim == 2 or values.shape[-1] == 3:
        path = path.with_name(f"{path.name}.png")
        Image.fromarray(values).save(path)
    else:
        path = path.with_name(f"{path.name}.nii.gz")
        nibabel.save(nibabel.Nifti1Image(values, AFFINE), path)
    return path


def _measured(case: TrainingCase, about: Kind) -> CaseFingerprint:
    channel = ChannelIntensity(0, 200, (1, 60, 180), 80, 40, 0.3, 1.0)
    picture = len(about.shape) == 2
    return CaseFingerprint(
        case=case,
        shape=about.shape,
        spacing=(1.0, 1.0) if picture else (1.0, 1.0, 2.0),
        orientation=None if picture else "LAS",
        dtype="uint8" if picture else "int16",
        channels=(channel,) * len(about.channels),
        voxels=dict.fromkeys(about.values, 100),
        thickness={},
        specks={},
        turned=False,
        digest=case.name,
        label_digest=case.name,
    )


def _one(paths: tuple[str, ...]) -> str | list[str]:
    return paths[0] if len(paths) == 1 else list(paths)
