"""What the shipped bundles require, and metadata that cannot be read."""

from __future__ import annotations

import json

import pytest
from monai.bundle import ConfigParser

from monai_nlseg.bundle import find_bundle, input_requirements, result_limits, shipped_names
from monai_nlseg.requirements import InputRequirements, ResultLimits

TASKS = {"ultrasound_laednet_segmentation": ("fetal-head", "breast", "nerve")}
CHANGES_GRID_OR_VALUES = ("Orientationd", "Resized", "ScaleIntensityRanged", "NormalizeIntensityd", "CLAHEd")


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_bundle_states_both(name):
    root = find_bundle(name)
    assert isinstance(input_requirements(root), InputRequirements)
    for task in TASKS.get(name, (None,)):
        limits = result_limits(root, task)
        assert limits is not None and set(limits.names) >= set(limits.ranges) - {"sum"}


@pytest.mark.parametrize("name", shipped_names())
def test_images_are_measured_as_read_and_results_as_saved(name):
    parser = ConfigParser()
    parser.read_config(str(find_bundle(name) / "configs" / "inference.json"))
    before = [step["_target_"].split(".")[-1] for step in parser["preprocessing"]["transforms"]]
    after = [step["_target_"].split(".")[-1] for step in parser["postprocessing"]["transforms"]]
    check = before.index("CheckInputd")
    assert before[check - 1] in ("LoadImaged", "EnsureChannelFirstd")
    assert not set(before[:check]) & set(CHANGES_GRID_OR_VALUES)
    assert after[-2:] == ["CheckResultd", "SaveImaged"] and after.index("AsDiscreted") < len(after) - 2
    assert parser["strict"] is False


def bundle(root, **entries):
    metadata = {"network_data_format": {"outputs": {"pred": {"channel_def": {"0": "background", "1": "vessel"}}}}}
    (root / "configs").mkdir(exist_ok=True)
    (root / "configs" / "metadata.json").write_text(json.dumps(metadata | entries))
    return root


def test_a_bundle_without_them_is_not_measured(tmp_path):
    assert input_requirements(bundle(tmp_path)) is None and result_limits(bundle(tmp_path)) is None


def test_labels_are_named_by_the_output_or_as_given(tmp_path):
    root = bundle(tmp_path, result_limits={"share": {"1": [0, 1]}})
    found = result_limits(root)
    assert found == ResultLimits("share", {"1": (0, 1)}, {"0": "background", "1": "vessel"})
    assert result_limits(root, names={"1": "artery"}).names == {"1": "artery"}


def test_limits_need_names(tmp_path):
    pred = {"outputs": {"pred": {"channel_def": ["background", "vessel"]}}}
    root = bundle(tmp_path, result_limits={"share": {"1": [0, 1]}}, network_data_format=pred)
    with pytest.raises(ValueError, match="channel_def to be names by value, and it is"):
        result_limits(root)


def test_limits_by_task(tmp_path):
    root = bundle(tmp_path, result_limits={"nerve": {"share": {"1": [0, 0.15]}}})
    assert result_limits(root, "nerve").ranges == {"1": (0, 0.15)}
    assert result_limits(root, "thyroid") is None


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (
            {"input_requirements": {"spacing": 1}},
            "input_requirements in '.*metadata.json': 'spacing' is not a requirement",
        ),
        ({"result_limits": {"ml": 3}}, "result_limits in '.*metadata.json': 3 are not limits"),
        ({"result_limits": {"ml": {}}, "network_data_format": {}}, "metadata of .* lack 'outputs' of network_data"),
    ],
)
def test_what_is_stated_wrongly(tmp_path, entries, words):
    root = bundle(tmp_path, **entries)
    with pytest.raises(ValueError, match=words):
        (input_requirements if "input_requirements" in entries else result_limits)(root)


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_metadata_that_cannot_be_read(tmp_path, text):
    (tmp_path / "configs").mkdir()
    if text is not None:
        (tmp_path / "configs" / "metadata.json").write_text(text)
    for read in (input_requirements, result_limits):
        with pytest.raises(ValueError, match="metadata.json' (cannot be read as JSON|holds a list)|is not a bundle"):
            read(tmp_path)
