"""Shipped weights on real subjects that they were not trained on."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.bundles.commands import LAEDNET, RETINA, T1, monai_bundle
from tests.data.images import SHARED

IBSR = SHARED / "ibsr18"


@pytest.mark.slow
@pytest.mark.skipif(not IBSR.is_dir(), reason=f"IBSR18 is not at {IBSR}")
def test_t1_bundle_on_the_subjects_held_out(tmp_path):
    monai_bundle(T1, ["train", "evaluate"], "--dataset_dir", IBSR, "--output_dir", tmp_path)
    with (tmp_path / "val_mean_dice_raw.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["filename"]).name for row in rows] == ["IBSR_06.nii.gz", "IBSR_09.nii.gz"]
    # What the bundle's README reports, less a hundredth.
    for tissue, reported in (("class0", 0.921), ("class1", 0.917), ("class2", 0.926)):
        assert sum(float(row[tissue]) for row in rows) / 2 > reported - 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "folder", "dice", "iou"), [("fetal-head", "hc18", 0.957, 0.924), ("breast", "busi", 0.732, 0.662)]
)
def test_laednet_bundle_on_the_images_held_out(task, folder, dice, iou, tmp_path):
    if not (SHARED / folder).is_dir():
        pytest.skip(f"{folder} is not at {SHARED / folder}")
    places = ("--task", task, "--dataset_dir", SHARED / folder, "--output_dir", tmp_path)
    monai_bundle(LAEDNET, ["train", "evaluate"], *places)
    with (tmp_path / "metrics.csv").open(newline="") as file:
        metrics = dict(csv.reader(file))
    # What the bundle's README reports, less half a hundredth.
    assert float(metrics["val_mean_dice"]) > dice - 0.005 and float(metrics["val_mean_iou"]) > iou - 0.005


@pytest.mark.slow
def test_retina_bundle_on_the_children_held_out(tmp_path):
    if not (SHARED / "chasedb1").is_dir():
        pytest.skip(f"CHASE_DB1 is not at {SHARED / 'chasedb1'}")
    places = ("--dataset_dir", SHARED / "chasedb1", "--output_dir", tmp_path)
    monai_bundle(RETINA, ["train", "evaluate"], *places, "--validation_subjects", "['08','09','10']")
    with (tmp_path / "metrics.csv").open(newline="") as file:
        metrics = {name: float(value) for name, value in csv.reader(file)}
    # What the bundle's README reports, less half a hundredth.
    reported = {"mean_dice": 0.787, "sensitivity": 0.801, "specificity": 0.978, "accuracy": 0.963, "auc": 0.981}
    assert all(metrics[f"val_{name}"] > value - 0.005 for name, value in reported.items()), metrics
