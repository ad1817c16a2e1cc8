from __future__ import annotations

from dataclasses import replace

import pytest

from monai_nlseg.bundle import Bundle
from monai_nlseg.training.cases.case import Classes, LabelClass
from monai_nlseg.training.fingerprint.finding import Finding
from monai_nlseg.training.generated import set_performance, write_bundle
from monai_nlseg.training.generated.network import network_def, trained_network_def
from tests.training.generated.factory import make_plan


def test_a_bundle_without_weights_is_replaced_and_nothing_else(tmp_path):
    plan = make_plan("vessels", tmp_path)
    root = write_bundle(tmp_path / "segmentation", plan, "first")
    assert write_bundle(root, plan, "second") == root
    assert Bundle(root).metadata["name"] == "second"
    assert not list(tmp_path.glob(".nlseg*"))
    (root / "models" / "model.pt").write_text("weights")
    with pytest.raises(ValueError, match="model.pt' would be lost: give another folder"):
        write_bundle(root, plan, "third")
    assert Bundle(root).metadata["name"] == "second"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(ValueError, match="holds files that are no bundle"):
        write_bundle(tmp_path / "mine", plan, "other")
    with pytest.raises(ValueError, match="is a file"):
        write_bundle(tmp_path / "mine" / "notes.txt", plan, "other")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sampling": {"window": [15, 16]}}, r"sampling.window is \(15, 16\): expected sides divisible by 2"),
        ({"sampling": {"window": [16]}}, r"sampling.window is \(16,\): expected 2 numbers"),
        ({"sampling": {"class_ratios": [1]}}, r"sampling.class_ratios is \(1.0,\): expected 2 numbers or none"),
        ({"sampling": {"class_ratios": []}}, "geometry.size is None: expected one for whole pictures"),
        ({"schedule": {"class_weights": [1, 2, 3]}}, "schedule.class_weights is .*: expected 2 numbers or none"),
        ({"network": {"target": "nowhere.Net"}}, "network.target 'nowhere.Net' of the plan cannot be built"),
        ({"network": {"target": "pathlib.Path", "arguments": {}}}, "'pathlib.Path' of the plan is no torch.nn.Module"),
        ({"network": {"target": "torch.nn.Flatten", "arguments": {}}}, r"makes \[1, 12\] of an image of \[1, 3, 2, "),
        ({"network": {"target": "torch.nn.Identity", "arguments": {}}}, "is 3 channels: expected .2, 1. for 1 classes"),
        ({"network": {"divisor": 1, "target": "torch.nn.Conv2d", "arguments": {"in_channels": 9, "out_channels": 2,
          "kernel_size": 1}}}, "takes no image of 3 channels and 8 voxels a side"),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_are_refused(changes, message, tmp_path):
    plan = make_plan("vessels", tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        write_bundle(tmp_path / "segmentation", plan, "vessels")
    assert not (tmp_path / "segmentation").exists()


def test_inference_fetches_no_weights_to_begin_with(tmp_path):
    """A machine without a network runs the bundle."""
    plan = make_plan("lesions", tmp_path)
    arguments = plan.settings.network.arguments | {"pretrained": True, "weights_path": "/home/jane/weights.pth"}
    network = plan.settings.network.model_copy(update={"arguments": arguments})
    settings = plan.settings.model_copy(update={"network": network})
    assert trained_network_def(settings) == trained_network_def(plan.settings)
    assert network_def(settings)["pretrained"] is True
    own = settings.model_copy(update={"network": network.model_copy(update={"target": "my_package.MyNet"})})
    assert trained_network_def(own) == network_def(own)


def test_label_values_that_no_label_map_holds_are_refused(tmp_path):
    plan = make_plan("lesions", tmp_path)
    classes = Classes((LabelClass("lesion", (70_000,)),))
    with pytest.raises(ValueError, match="label value 70000, and label maps are written with values up to 65535"):
        write_bundle(tmp_path / "b", replace(plan, found=replace(plan.found, classes=classes)), "b")


def test_images_unlike_those_that_were_trained_on_are_found(tmp_path):
    volumes = Bundle(write_bundle(tmp_path / "volumes", make_plan("volumes", tmp_path), "volumes"))
    assert volumes.metadata["input_requirements"] == {
        "spacing_mm": [0.9, 2.2],
        "intensity": "non-negative",
        "zero_border": 0.9,
    }
    assert volumes.requirements is not None
    pictures = Bundle(write_bundle(tmp_path / "pictures", make_plan("lesions", tmp_path), "lesions"))
    assert pictures.metadata["input_requirements"] == {"intensity": "0-255", "smallest_side": 17}


def test_the_model_card_has_the_classes_and_the_reasons(tmp_path):
    text = (write_bundle(tmp_path / "b", make_plan("volumes", tmp_path), "x") / "docs" / "README.md").read_text()
    assert "| 150 | tissue 150 | 4 |" in text
    assert "| sampling.window | [8, 8, 8] | As large as a batch fits. |" in text
    assert "| intensity | [{kind: zscore-nonzero}] |" in text
    assert "nlseg export --bundle BUNDLE --format pt2" in text


def test_the_model_card_names_no_case_and_no_folder(tmp_path):
    plan = make_plan("volumes", tmp_path)
    findings = (
        Finding("warning", "1 case is mirrored (case_1).", ("case_1",)),
        Finding("note", "The volumes have 2 orientations."),
        Finding("note", "Subject case_2 has two visits."),
    )
    settings = plan.settings.model_copy(update={"initial_bundle": "/home/jane/models/start"})
    plan = replace(plan, found=replace(plan.found, findings=findings), settings=settings)
    text = (write_bundle(tmp_path / "b", plan, "x") / "docs" / "README.md").read_text()
    assert "case_" not in text and "jane" not in text
    assert "- The volumes have 2 orientations." in text and "- 2 more, not repeated here" in text
    assert "| initial_bundle | start |" in text


def test_results_go_into_the_model_card_and_the_metadata(tmp_path):
    plan = make_plan("volumes", tmp_path)
    bundle = Bundle(write_bundle(tmp_path / "b", plan, "x"))
    set_performance(bundle.root, plan, "Dice 0.91 on | four cases.", {"mean_dice": 0.91})
    text = (bundle.root / "docs" / "README.md").read_text()
    assert "Dice 0.91 on | four cases." in text and "No weights" not in text
    assert Bundle(bundle.root).metadata["eval_metrics"] == {"mean_dice": 0.91}
