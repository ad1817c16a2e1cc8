"""nnU-Net's raw data sets."""

from __future__ import annotations

import pytest

from monai_nlseg.training.cases.case import LabelClass
from monai_nlseg.training.cases.find import find_data
from tests.training.cases.folder import pairs, touch, write_json

ABOUT = {"channel_names": {"0": "T1"}, "labels": {"background": 0, "CSF": 1, "GM": 2}, "file_ending": ".nii.gz"}


def raw(root, *names, **about):
    folder = root / "Dataset001_Heads"
    write_json(folder / "dataset.json", ABOUT | about)
    return touch(folder, *names)


def test_a_data_set_with_a_test_part_is_read_from_its_folder_its_parent_or_its_description(tmp_path):
    folder = raw(tmp_path, "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz", "imagesTs/b_0000.nii.gz", "labelsTs/b.nii.gz")
    data = find_data(folder)
    assert data.layout == "nnU-Net" and data.channels == ("T1",) and data.left_out == ()
    assert data.classes.foreground == (LabelClass("CSF", (1,)), LabelClass("GM", (2,))) and not data.classes.overlapping
    assert pairs(data, folder) == {
        "a": (["imagesTr/a_0000.nii.gz"], ["labelsTr/a.nii.gz"]),
        "b": (["imagesTs/b_0000.nii.gz"], ["labelsTs/b.nii.gz"]),
    }
    assert [case.part for case in data.cases] == ["training", "test"]
    assert find_data(tmp_path).cases == find_data(folder / "dataset.json").cases == data.cases


def test_the_parent_of_a_data_set_of_the_first_version(tmp_path):
    about = {"modality": {"0": "T2", "1": "ADC"}, "labels": {"0": "background", "1": "PZ"}, "training": []}
    write_json(tmp_path / "Task005_Prostate/dataset.json", about)
    touch(tmp_path / "Task005_Prostate", "imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz", "labelsTr/a.nii.gz")
    data = find_data(tmp_path)
    assert data.layout == "nnU-Net" and data.channels == ("T2", "ADC")
    assert [(case.name, len(case.images)) for case in data.cases] == [("a", 2)]


def test_a_parent_with_two_data_sets_is_refused(tmp_path):
    raw(tmp_path)
    write_json(tmp_path / "Dataset002_Other/dataset.json", ABOUT)
    with pytest.raises(ValueError, match="holds 2 data sets: give one, such as .*Dataset001_Heads"):
        find_data(tmp_path)


def test_channels_are_in_the_order_of_their_numbers_and_gaps_are_reported(tmp_path):
    folder = raw(
        tmp_path,
        *("imagesTr/a_0001.nii.gz", "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz"),
        *("imagesTr/gap_0001.nii.gz", "labelsTr/gap.nii.gz"),
        *(
            "imagesTr/more_0000.nii.gz",
            "imagesTr/more_0001.nii.gz",
            "imagesTr/more_0002.nii.gz",
            "labelsTr/more.nii.gz",
        ),
        channel_names={"1": "FLAIR", "0": "T1"},
    )
    data = find_data(folder)
    assert pairs(data, folder)["a"][0] == ["imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz"]
    assert data.channels == ("T1", "FLAIR") and len(data.cases) == 1
    assert data.left_out == (
        "case 'gap' lacks a channel: looked for 'gap_0000.nii.gz' (T1).",
        "case 'more' has a channel 0002 that dataset.json does not name in channel_names.",
    )


def test_a_coloured_picture_holds_all_channels(tmp_path):
    folder = raw(
        tmp_path,
        *("imagesTr/a_0000.png", "labelsTr/a.png"),
        channel_names={"0": "R", "1": "G", "2": "B"},
        file_ending=".png",
    )
    assert pairs(find_data(folder), folder) == {"a": (["imagesTr/a_0000.png"], ["labelsTr/a.png"])}


def test_what_does_not_pair_is_said_with_what_was_looked_for(tmp_path):
    folder = raw(
        tmp_path,
        *("imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz", "imagesTr/b_0000.nii.gz", "labelsTr/c.nii.gz"),
        *("imagesTr/d.nii.gz", "imagesTs/e_0000.nii.gz", "imagesTs/f_0000.nii.gz"),
    )
    assert find_data(folder).left_out == (
        "'imagesTr/d.nii.gz' is not named like 'case_0000.nii.gz', as its folder and file_ending demand.",
        "case 'b' has no label map: looked for 'labelsTr/b.nii.gz'.",
        "label map 'labelsTr/c.nii.gz' has no image: looked for 'c_0000.nii.gz'.",
        "2 cases of imagesTs have no label map in labelsTs: e, f.",
    )


def test_regions_overlap_and_are_painted_in_their_order_and_one_value_is_ignored(tmp_path):
    labels = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3, "ignore": 4}
    folder = raw(tmp_path, "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz", labels=labels, regions_class_order=[1, 2, 3])
    classes = find_data(folder).classes
    assert classes.overlapping and classes.painted == (1, 2, 3) and classes.ignored == 4
    assert [each.values for each in classes.foreground] == [(1, 2, 3), (2, 3), (3,)]


def test_the_first_version_is_told_from_the_decathlon_by_its_image_names(tmp_path):
    about = {
        "modality": {"0": "MRI"},
        "labels": {"0": "background", "1": "liver"},
        "training": [{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}],
    }
    write_json(tmp_path / "dataset.json", about)
    touch(tmp_path, "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz")
    data = find_data(tmp_path)
    assert data.layout == "nnU-Net" and data.channels == ("MRI",)
    assert pairs(data, tmp_path) == {"a": (["imagesTr/a_0000.nii.gz"], ["labelsTr/a.nii.gz"])}
    assert data.classes.foreground == (LabelClass("liver", (1,)),)


def test_images_may_be_named_one_by_one(tmp_path):
    entry = {"images": ["x/t1.nii.gz", "x/flair.nii.gz"], "label": "x/seg.nii.gz"}
    folder = raw(
        tmp_path,
        *("x/t1.nii.gz", "x/flair.nii.gz", "x/seg.nii.gz"),
        dataset={"one": entry, "two": {"images": []}},
        channel_names={"0": "T1", "1": "FLAIR"},
    )
    data = find_data(folder)
    assert pairs(data, folder) == {"one": (["x/t1.nii.gz", "x/flair.nii.gz"], ["x/seg.nii.gz"])}
    assert "case 'two' in the dataset.json" in data.left_out[0]


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ({"labels": {"background": 0}}, "no class but the background"),
        ({"labels": {"background": 0, "a": 1.5}}, "'a' has the value 1.5: give a whole number"),
        ({"labels": {"background": 0, "a": -1}}, "'a' has the value -1: give a whole number"),
        ({"labels": {"background": 0, "a": 1, "b": 1}}, "two classes the same value"),
        ({"labels": {"background": 0, "a": [1, 2], "b": [2]}}, "regions that overlap: give regions_class_order"),
        ({"labels": {"a": [1, 2], "b": [2]}, "regions_class_order": [1]}, "give a value above 0 for each of 2 classes"),
        ({"labels": {"a": [0, 2]}}, "'a' holds the value of the background"),
        ({"labels": {"a": 1, "ignore": 1}}, "'a' holds the value of the background or 'ignore'"),
        ({"channel_names": {"0": "T1", "2": "T2"}}, "numbered 0, 2: number them from 0 without gaps"),
        ({"channel_names": {}}, "has no channel_names"),
    ],
)
def test_a_description_that_cannot_be_is_refused(tmp_path, about, sentence):
    with pytest.raises(ValueError, match=sentence):
        find_data(raw(tmp_path, "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz", **about))


def test_a_damaged_description_is_named(tmp_path):
    (touch(tmp_path, "dataset.json") / "dataset.json").write_text('{"labels": ')
    with pytest.raises(ValueError, match=r"dataset\.json' cannot be read as JSON \(.*\): correct or restore it"):
        find_data(tmp_path)


def test_an_empty_data_set_shows_its_own_tree(tmp_path):
    with pytest.raises(ValueError, match="(?s)holds no image with a label map.*imagesTr/") as caught:
        find_data(raw(tmp_path))
    assert "participants.tsv" not in str(caught.value)
