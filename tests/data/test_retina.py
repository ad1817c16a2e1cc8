from __future__ import annotations

import pytest

from monai_nlseg.data import retina_split
from tests.bundles.retina_folders import chasedb1_folder, drive_folder


def _cases(split):
    return [case["case"] for case in split["training"]], [case["case"] for case in split["validation"]]


@pytest.mark.parametrize(
    ("children", "held_out", "expected"),
    [
        (4, [], ["Image_04L", "Image_04R"]),
        (2, [], ["Image_02L", "Image_02R"]),
        (4, "02", ["Image_02L", "Image_02R"]),
        (4, ["01", "03"], ["Image_01L", "Image_01R", "Image_03L", "Image_03R"]),
    ],
)
def test_children_of_chasedb1_are_on_one_side(tmp_path, children, held_out, expected):
    split = retina_split("chasedb1", chasedb1_folder(tmp_path, children), held_out)
    training, validation = _cases(split)
    assert validation == expected
    assert len(training) == 2 * children - len(expected) and not set(training) & set(validation)
    assert not any("fov" in case for part in split.values() for case in part)


def test_all_of_chasedb1_is_split_as_usual(tmp_path):
    _, validation = _cases(retina_split("chasedb1", chasedb1_folder(tmp_path, 14)))
    assert validation == [f"Image_{child}{eye}" for child in (11, 12, 13, 14) for eye in "LR"]


def test_drive_validates_on_its_test_set_or_on_images_held_out(tmp_path):
    drive_folder(tmp_path)
    split = retina_split("drive", tmp_path)
    assert _cases(split) == (["21_training", "22_training", "23_training"], ["01_test", "02_test", "03_test"])
    assert split["training"][0]["fov"].endswith("21_training_mask.gif")
    assert _cases(retina_split("drive", tmp_path, ["22"])) == (["21_training", "23_training"], ["22_training"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("stare",), "dataset_name is 'stare': choose 'drive' or 'chasedb1'"),
        (("chasedb1", ["05"]), r"validation_subjects \['05'\] are not in .* choose from \['01', '02'\]"),
        (("chasedb1", ["01", "02"]), "leaves nobody"),
    ],
)
def test_refusals(tmp_path, arguments, message):
    chasedb1_folder(tmp_path, 2)
    with pytest.raises(ValueError, match=message):
        retina_split(arguments[0], tmp_path, *arguments[1:])


def test_one_child_cannot_be_split(tmp_path):
    with pytest.raises(ValueError, match="leaves nobody"):
        retina_split("chasedb1", chasedb1_folder(tmp_path, 1))


def test_drive_without_test_labels_needs_images_held_out(tmp_path):
    drive_folder(tmp_path, test_labels=False)
    with pytest.raises(ValueError, match="has no labels .* hold out images of the training set by validation_subjects"):
        retina_split("drive", tmp_path)
    assert len(retina_split("drive", tmp_path, "21")["training"]) == 2
