"""What a plan becomes trains, segments new images with the values of its label maps, and meets MONAI's demands."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image

from monai_nlseg.bundle import Bundle
from monai_nlseg.check_bundle import check_bundle
from monai_nlseg.check_bundle.finding import Status
from monai_nlseg.cohort import RunOptions, find_cases
from monai_nlseg.cohort.worker import Worker
from monai_nlseg.training.generated import set_choices, write_bundle
from tests.training.generated.conftest import run_alone
from tests.training.generated.factory import AFFINE, KINDS, make_plan, new_image

EACH_KIND = pytest.mark.parametrize("kind", KINDS)


@EACH_KIND
def test_a_training_ends_with_weights_and_a_curve(trained, kind):
    run = trained(kind) / "run"
    with (run / "training_curve.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["iteration"] for row in rows] == ["2", "4"]
    assert all(float(row["loss"]) > 0 and 0 <= float(row["metric"]) <= 1 for row in rows)
    assert sorted(path.name for path in run.glob("checkpoint*")) == ["checkpoint_epoch=1.pt", "checkpoint_epoch=2.pt"]


def test_a_training_that_is_resumed_ends_with_the_same_weights(trained, tmp_path):
    folder = trained("regions")
    (tmp_path / "run").mkdir()
    shutil.copy(folder / "run" / "checkpoint_epoch=1.pt", tmp_path / "run")
    data, run = str(folder / "datalist.json"), str(tmp_path / "run")
    workflow = Bundle(folder / "segmentation").workflow(
        "train", datalist_file=data, ckpt_dir=run, output_dir=run, resume=True
    )
    run_alone(workflow)
    states = [
        torch.load(each / "checkpoint_epoch=2.pt", weights_only=True)["model"]
        for each in (folder / "run", tmp_path / "run")
    ]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@EACH_KIND
def test_new_images_get_the_values_of_the_label_maps_on_their_own_grid(trained, kind, tmp_path):
    about = KINDS[kind]
    bundle, modalities = trained(kind) / "segmentation", ("0000", "0001") if about.files > 1 else ()
    cases = find_cases(new_image(kind, tmp_path / "new"), modalities=modalities)
    options = RunOptions(bundle=str(bundle), output=str(tmp_path / "out"), previews=False)
    (record,) = [Worker(options, Bundle(bundle).identity({})).process(case) for case in cases]
    assert record["status"] == "done", record
    (written,) = (tmp_path / "out").glob("*_seg.*")
    if written.suffix == ".png":
        labels = np.asarray(Image.open(written))
    else:
        image = nibabel.load(written)
        labels = np.asarray(image.dataobj)
        assert np.allclose(image.affine, AFFINE)
    painted = about.classes.painted or about.values[1:]
    assert labels.shape == about.shape
    assert set(np.unique(labels)) <= {0, *painted}

    assert {each["name"] for each in record["labels"].values()} == {*about.classes.names}


@EACH_KIND
def test_check_bundle_finds_no_failure(trained, kind):
    findings = check_bundle(trained(kind) / "segmentation")
    assert [finding.message for finding in findings if finding.status is Status.FAILED] == []
    assert {"shapes", "overlays", "config ids", "TorchScript"} <= {finding.check for finding in findings}


@EACH_KIND
def test_names_are_those_of_the_values(trained, kind):
    about = KINDS[kind]
    names = Bundle(trained(kind) / "segmentation").label_names()
    channels = about.settings["network"]["arguments"]["out_channels"]
    found = names.of_labels(channels, exclusive=channels > 1 and not about.classes.overlapping, masks=False)
    assert found == dict(zip(about.classes.painted or about.values[1:], about.classes.names))


def test_inference_by_monai_writes_the_same_values(trained, tmp_path):
    bundle = Bundle(trained("lesions") / "segmentation")
    images = new_image("lesions", tmp_path / "new")
    workflow = bundle.workflow(
        "inference", workflow_type="infer", dataset_dir=str(images), output_dir=str(tmp_path / "out")
    )
    workflow.initialize()
    workflow.run()
    written = np.asarray(Image.open(tmp_path / "out" / "new_seg.png"))
    assert written.shape == KINDS["lesions"].shape
    assert set(np.unique(written)) <= {0, 255}


def test_volumes_of_the_format_that_was_trained_on_are_found(tmp_path):
    plan = make_plan("volumes", tmp_path)
    cases = tuple(
        replace(each, case=replace(each.case, images=(each.case.images[0].replace(".nii.gz", ".mha"),)))
        for each in plan.found.cases
    )
    bundle = Bundle(write_bundle(tmp_path / "b", replace(plan, found=replace(plan.found, cases=cases)), "b"))
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "x.mha").touch()
    parser = bundle.config("inference", dataset_dir=str(tmp_path / "new"))
    assert [each["case"] for each in parser.get_parsed_content("datalist")] == ["x"]


def test_evaluation_writes_the_dice_of_each_case(trained, tmp_path):
    bundle = Bundle(trained("volumes") / "segmentation")
    data = str(trained("volumes") / "datalist.json")
    workflow = bundle.workflow("train", "evaluate", datalist_file=data, output_dir=str(tmp_path / "out"))
    workflow.initialize()
    workflow.run()
    assert "case_0" in (tmp_path / "out" / "val_mean_dice_raw.csv").read_text()


def test_choices_are_stored_in_both_configs(trained, tmp_path):
    bundle = trained("regions") / "segmentation"
    before = json.loads((bundle / "configs" / "inference.json").read_text())
    try:
        set_choices(bundle, {"threshold": 0.2, "largest_component": [1], "temperature": 1.5, "smallest_component": 0.1})
        inference = Bundle(bundle).config("inference")
        assert [inference[key] for key in ("threshold", "largest_component", "temperature")] == [0.2, [1], 1.5]
        train = Bundle(bundle).config("train")
        assert train["threshold"] == 0.2 and "temperature" not in train
        steps = Bundle(bundle).config("inference").get_parsed_content("postprocessing").transforms
        assert [type(step).__name__ for step in steps[:4]] == [
            "ScaleTemperatured",
            "AsDiscreted",
            "KeepLargestConnectedComponentd",
            "EachChanneld",
        ]
        with pytest.raises(ValueError, match="'folds' cannot be chosen for the bundle segmentation: choose from"):
            set_choices(bundle, {"threshold": 0.9, "folds": [0]})
        assert Bundle(bundle).config("inference")["threshold"] == 0.2
    finally:
        set_choices(bundle, {key: before[key] for key in ("threshold", "largest_component", "smallest_component")})
        set_choices(bundle, {"temperature": 1.0})
