"""Small data sets and runs on them."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from PIL import Image

from monai_nlseg.training import Progress, TrainingResult, inspect, plan, train
from monai_nlseg.training.planning.plan import Plan

SIDE = 32
OPTIONS = {
    "network.arguments.features": 4,
    "network.arguments.dropout": 0.0,
    "sampling.batch_size": 2,
    "sampling.window": [SIDE, SIDE],
    "schedule.epoch": 2,
    "schedule.validation_interval": 1,
}


def pictures(folder: Path, count: int = 8) -> Path:
    """Write pictures of a bright disc, with masks of 0 and 255."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for number in range(count):
        row, column = random.integers(10, 22, 2)
        mask = (rows - row) ** 2 + (columns - column) ** 2 < random.integers(5, 8) ** 2
        image = (60 + 120 * mask + random.normal(0, 10, mask.shape)).clip(0, 255)
        Image.fromarray(image.astype(np.uint8)).save(folder / "images" / f"disc{number}.png")
        Image.fromarray((255 * mask).astype(np.uint8)).save(folder / "labels" / f"disc{number}.png")
    return folder


def volumes(folder: Path, count: int = 4) -> Path:
    """Write volumes of 16^3 with two nested boxes, which are 10 and 150 in the label maps."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    random = np.random.default_rng(0)
    affine = np.diag([-1.0, 1.0, 1.0, 1.0])
    for number in range(count):
        label = np.zeros((16, 16, 16), np.uint8)
        label[3 : 12 + number % 2, 3:13, 3:13] = 10
        label[6:10, 6:10, 6:10] = 150
        image = 100 + 4 * label.astype(np.float32) + random.normal(0, 20, label.shape)
        for values, name in ((image.astype(np.int16), "images"), (label, "labels")):
            nibabel.save(nibabel.Nifti1Image(values, affine), folder / name / f"box{number}.nii.gz")
    return folder


def regions(folder: Path, count: int = 4) -> Path:
    """Write volumes of 16^3 in nnU-Net's layout: overlapping regions, two channels, and a value that is ignored."""
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(count):
        label = np.zeros((16, 16, 16), np.uint8)
        label[3 : 12 + number % 2, 3:13, 3:13], label[6:11, 6:11, 6:11], label[:1] = 1, 2, 3
        for channel in range(2):
            image = 100 + 60 * (label % 3).astype(np.float32) + random.normal(0, 20, label.shape)
            path = folder / "imagesTr" / f"box{number}_{channel:04}.nii.gz"
            nibabel.save(nibabel.Nifti1Image(image.astype(np.int16), np.eye(4)), path)
        nibabel.save(nibabel.Nifti1Image(label, np.eye(4)), folder / "labelsTr" / f"box{number}.nii.gz")
    about = {
        "channel_names": {"0": "T1", "1": "T2"},
        "labels": {"background": 0, "whole": [1, 2], "core": [2], "ignore": 3},
        "regions_class_order": [1, 2],
        "numTraining": count,
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(about))
    return folder


@functools.cache
def picture_plan(data: Path, folds: int = 2, iterations: int = 4, **changes: Any) -> Plan:
    """Plan a few steps on the pictures."""
    overrides = OPTIONS | {name.replace("__", "."): value for name, value in changes.items()}
    return plan(inspect(data, jobs=1), network="nonlocal-unet", iterations=iterations, folds=folds, overrides=overrides)


def trained(chosen: Plan, output: Path, **options: Any) -> tuple[TrainingResult, list[Progress]]:
    """Train in one thread, by which results differ."""
    steps: list[Progress] = []
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return train(chosen, output, **{"progress": steps.append, **options}), steps
    finally:
        torch.set_num_threads(before)


def weights(output: Path, fold: int) -> dict[str, torch.Tensor]:
    """Return the weights of a fold."""
    return torch.load(output / "folds" / f"fold_{fold}" / "weights.pt", weights_only=True)


def same_weights(output: Path, expected: Path, folds: int = 2) -> bool:
    """Return whether all folds have the same weights, bit by bit."""
    pairs = [(weights(output, fold), weights(expected, fold)) for fold in range(1, folds + 1)]
    return all(list(a) == list(b) and all(torch.equal(a[name], b[name]) for name in a) for a, b in pairs)


def written(folder: Path) -> dict[str, int]:
    """File -> when it was written; locks are left out."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock"
    }
