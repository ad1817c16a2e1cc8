"""Where and with which values labels end, shown by a network that reads them off the intensities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from monai_nlseg.bundle import Bundle
from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.evaluation.label_map import read_label_map
from monai_nlseg.training.generated import set_choices, write_bundle
from tests.training.generated.factory import make_plan

# The factory's images are 0 in the background, and at most 20 above 40 or 50 times the number of the class elsewhere.
READ_OFF = {
    "vessels": {"weights": [[0.0] * 3, [1e3, 0.0, 0.0]], "bias": [0.0, 0.0], "spatial_dims": 2},
    "lesions": {"weights": [[255.0 * 9]], "bias": [-20.0 * 9], "spatial_dims": 2},
    # "range" makes (v - 40) / 60 of a value v: the whole is above 25, the core above 85.
    "regions": {"weights": [[0.0, 6e3], [0.0, 6e3]], "bias": [1.5e3, -4.5e3], "spatial_dims": 3},
}
EXACT = {"vessels": 1.0, "lesions": 0.9, "regions": 1.0}


def bundle_of(kind, folder):
    network = {"target": "tests.training.generated.networks.Fixed", "arguments": READ_OFF[kind], "divisor": 1}
    plan = make_plan(kind, folder, network={"name": "fixed", **network})
    bundle = Bundle(write_bundle(folder / "segmentation", plan, kind))
    torch.save(bundle.network().state_dict(), bundle.weights)
    return bundle, plan


def segmented(bundle, case):
    model = Model(bundle.root)
    return model.finish(model.infer(model.read([Path(path) for path in case.images])), probabilities=True)


def truth(case):
    return read_label_map(case.labels[0]).values


@pytest.mark.parametrize("kind", READ_OFF)
def test_labels_lie_where_they_are_in_the_image(kind, tmp_path):
    bundle, plan = bundle_of(kind, tmp_path)
    case = plan.found.cases[1].case
    found, expected = segmented(bundle, case), truth(case)
    if kind == "regions":  # painted as declared; what has not been annotated looks like the core
        expected = np.where(expected == 3, 2, expected)
    assert set(np.unique(found.labels)) == set(np.unique(expected))
    both = np.count_nonzero((found.labels == expected) & (expected > 0))
    assert 2 * both / (np.count_nonzero(found.labels) + np.count_nonzero(expected)) >= EXACT[kind]


@pytest.mark.parametrize("kind", READ_OFF)
def test_validation_compares_the_same_labels(kind, tmp_path):
    """Its Dice is that of the labels: 1 on the image's own grid, of the annotated voxels."""
    bundle, _ = bundle_of(kind, tmp_path)
    workflow = bundle.workflow("train", "evaluate", output_dir=str(tmp_path / "out"))
    workflow.initialize()
    workflow.run()
    evaluator = workflow.parser.get_parsed_content("validate#evaluator")
    assert EXACT[kind] <= evaluator.state.metrics["val_mean_dice"] <= 1


def test_choices_change_labels_and_probabilities(tmp_path):
    bundle, plan = bundle_of("lesions", tmp_path)
    case = plan.found.cases[0].case
    before = segmented(bundle, case)
    set_choices(bundle.root, {"temperature": 100.0})
    tempered = segmented(bundle, case)
    assert np.array_equal(tempered.labels, before.labels)
    sure = before.probabilities > 0.99
    assert sure.any() and (tempered.probabilities[sure] < 0.9).all()
    set_choices(bundle.root, {"threshold": 1.0})
    assert not segmented(bundle, case).labels.any()


@pytest.mark.parametrize("kind", ["volumes", "regions"])
def test_a_training_window_holds_classes_where_the_image_shows_them(kind, tmp_path):
    bundle = Bundle(write_bundle(tmp_path / "segmentation", make_plan(kind, tmp_path), kind))
    parser = bundle.config("train", ckpt_dir=str(tmp_path / "run"), output_dir=str(tmp_path / "run"))
    batch = next(iter(parser.get_parsed_content("train#dataloader")))
    label = batch["label"]
    assert batch["image"].shape[2:] == label.shape[2:] == (8, 8, 8)
    if kind == "volumes":
        assert label.shape[1] == 1 and set(label.unique().tolist()) <= {0, 1, 2, 3}
    else:  # two masks, and where nothing has been annotated
        assert label.shape[1] == 3 and set(label.unique().tolist()) == {0, 1}
        assert not (label[:, :2].any(1) & (label[:, 2] > 0)).any()
        assert not (label[:, 1] > label[:, 0]).any()
