"""The recipe of the bundle of intracranial vessels: its parts, slices, loss, schedule and plan."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from monai_nlseg.cli import app
from tests.bundles.commands import INTRACRANIAL, RETINA
from tests.bundles.intracranial import CONFIGS, SIZE, build, cta_folder

pytest.importorskip("pydicom")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return cta_folder(tmp_path_factory.mktemp("cta"))


def test_slices_of_all_patients_but_those_held_out_are_trained_on(data, tmp_path):
    parser = build(data, tmp_path, windows_per_epoch="$len(@train#dataset)").parser
    training, validation = (parser.get_parsed_content(f"{part}#dataset") for part in ("train", "validate"))
    held_out = {case["subject"] for case in validation.data}
    assert len(held_out) == 1 and not held_out & {entry["subject"] for entry in training.data}
    assert len(training) == len(parser.get_parsed_content("train#sampler")) == 3 * SIZE[2]
    assert {entry["slice"] for entry in training.data} == set(range(SIZE[2]))
    parser = build(data, tmp_path, validation_subjects="patient-002").parser
    assert [case["case"] for case in parser.get_parsed_content("validate#dataset").data] == ["patient-002"]


def test_slices_and_masks_are_moved_alike_in_the_view_of_ct(data, tmp_path):
    parser = build(data, tmp_path, validation_subjects=["patient-001"]).parser
    dataset = parser.get_parsed_content("train#dataset")
    window = parser.get_parsed_content("train#deterministic_transforms")[1]
    torch.manual_seed(0)
    vessels = []
    for entry, slice_ in zip(dataset.data, dataset):
        image, label = slice_["image"], slice_["label"]
        assert image.shape == label.shape == (1, 64, 64) and image.dtype == label.dtype == torch.float32
        assert image.min() >= 0 and image.max() <= 1 and label.min() >= 0 and label.max() <= 1
        vessels += image[label > 0.9].tolist()
        if entry["case"] == "patient-003_0016":
            # Stored in RAS, it comes as in DICOM: the right side first, the front first.
            stored = nib.load(data / "patient-003" / "image.nii.gz").get_fdata()[::-1, ::-1, 16]
            found = np.asarray(parser.get_parsed_content("train#deterministic_transforms")[0](entry)["image"][0])
            np.testing.assert_array_equal(found, stored)
            assert window({"image": torch.tensor([[-5.0, 300, 900]])})["image"].tolist() == [[0, 0.5, 1]]
    # Brain has 40 HU; vessels, which share their voxels with it, 150 to 500.
    assert len(vessels) > 100 and np.mean(np.array(vessels) > 0.25) > 0.9


def test_patches_are_an_argument(data, tmp_path):
    parser = build(data, tmp_path, validation_subjects=["patient-001"], roi_size=32).parser
    assert parser.get_parsed_content("train#dataset")[20]["image"].shape == (1, 32, 32)
    assert parser.get_parsed_content("validate#inferer").step == [16, 16, 1]
    larger = build(data, tmp_path, validation_subjects=["patient-001"], roi_size=[80, 96]).parser
    assert larger.get_parsed_content("train#dataset")[20]["image"].shape == (1, 80, 96)


def test_learning_rate_decays_in_either_reading(data, tmp_path):
    printed = {"lr_scheduler#_target_": "monai_nlseg.optimizers.PrintedPolynomialLR"}
    # Epochs 51, 101 and 151 of 200 with the factors of FACTS.md.
    for overrides, factors in (({}, (0.771890, 0.535887, 0.287175)), (printed, (0.712825, 0.464113, 0.228110))):
        parser = build(data, tmp_path, **overrides).parser
        scheduler = parser.get_parsed_content("lr_scheduler")
        rates = []
        for _ in range(200):
            rates += scheduler.get_last_lr()
            scheduler.optimizer.step()
            scheduler.step()
        assert [rates[epoch] / 1e-3 for epoch in (50, 100, 150)] == pytest.approx(factors, abs=1e-5)


def test_weight_is_of_the_vessels_cross_entropy_alone(data, tmp_path):
    logits, label = torch.randn(2, 1, 8, 8), (torch.rand(2, 1, 8, 8) < 0.2).float()
    dice = None
    for weight in (1.0, 5.0):
        loss = build(data, tmp_path, vessel_weight=weight).parser.get_parsed_content("loss")
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, label, pos_weight=torch.tensor(weight))
        rest = loss(logits, label) - entropy
        assert dice is None or torch.isclose(rest, dice, atol=1e-6)
        dice = rest
    p = logits.sigmoid()
    assert torch.isclose(dice, 1 - 2 * (p * label).sum() / (p**2 + label**2).sum(), atol=1e-3)


def test_images_are_prepared_alike():
    train, inference = (json.loads((CONFIGS / f"{name}.json").read_text()) for name in ("train", "inference"))
    assert train["network_def"] == inference["network_def"]
    validating = [each for each in train["validate"]["preprocessing"]["transforms"] if each["keys"] != "label"]
    inferring = [each for each in inference["preprocessing"]["transforms"] if "CheckInputd" not in each["_target_"]]
    assert [{**each, "keys": "image"} for each in validating] == inferring
    assert validating[3] == train["train"]["deterministic_transforms"][1]


def test_plan():
    """The plan is made for a volume in slices, without weights; the retina's photographs are resized first."""
    done = CliRunner().invoke(app, ["plan", "--bundle", INTRACRANIAL, "--shape", "640,512,9", "--no-measure"])
    assert "18 windows of 512x512x1, step 256x256x1, 4 at a time" in " ".join(done.output.split())
    for name, shape, words in (
        (INTRACRANIAL, "512,512", "has 2 axes, the network's windows have 3"),
        (RETINA, "565,584", "only StepWindowInferer can be planned"),
    ):
        done = CliRunner().invoke(app, ["plan", "--bundle", name, "--shape", shape])
        assert words in str(done.exception)
