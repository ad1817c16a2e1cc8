from __future__ import annotations

import shutil

import pytest
from monai.transforms import LoadImaged

from monai_nlseg.data import drive_datalist
from tests.data.images import save_image, save_mask, truncate


@pytest.fixture
def folder(tmp_path):
    for subset, numbers in (("training", (21, 22)), ("test", ("01", "02"))):
        root = tmp_path / subset
        for number in numbers:
            save_image(root / "images" / f"{number}_{subset}.tif", "RGB")
            save_mask(root / "mask" / f"{number}_{subset}_mask.gif", (255,) * 10)
            save_mask(root / "1st_manual" / f"{number}_manual1.gif")
            if subset == "test":
                save_mask(root / "2nd_manual" / f"{number}_manual2.gif", (255, 255))
    return tmp_path


def test_layout(folder):
    assert drive_datalist(folder, check_content=True)[1] == {
        "case": "22_training",
        "image": str(folder / "training" / "images" / "22_training.tif"),
        "fov": str(folder / "training" / "mask" / "22_training_mask.gif"),
        "label": str(folder / "training" / "1st_manual" / "22_manual1.gif"),
        "subject": "22",
    }
    test = drive_datalist(folder, "test", check_content=True)
    assert [entry["case"] for entry in test] == ["01_test", "02_test"]
    assert test[0]["second_label"] == str(folder / "test" / "2nd_manual" / "01_manual2.gif")


def test_newer_downloads_have_no_labels_of_the_test_set(folder):
    for name in ("1st_manual", "2nd_manual"):
        shutil.rmtree(folder / "test" / name)
    assert set(drive_datalist(folder, "test")[0]) == {"case", "image", "fov", "subject"}


def test_monai_loads_tiff_and_gif(folder):
    entry = drive_datalist(folder, "test")[0]
    keys, reader = ("label", "second_label", "fov"), "monai_nlseg.data.PictureReader"
    entry = LoadImaged("image", reader=reader, channel="rgb", ensure_channel_first=True)(entry)
    entry = LoadImaged(keys, reader=reader, ensure_channel_first=True)(entry)
    assert entry["image"].shape == (3, 16, 20)
    assert [(entry[key] > 0).sum().item() for key in keys] == [5, 10, 50]
    assert entry["label"].shape == (1, 16, 20) and (entry["label"][0, 2, 3:8] == 255).all()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda root: (root / "images" / "21_training.tif").unlink(), r"1 mask without image \(21\)"),
        (lambda root: (root / "mask" / "21_training_mask.gif").unlink(), r"1 image without mask \(21\)"),
        (lambda root: (root / "1st_manual" / "21_manual1.gif").unlink(), r"1 image without 1st_manual \(21\)"),
        (lambda root: shutil.rmtree(root / "1st_manual"), "1st_manual' is not a directory: .* files 21_manual1.gif"),
        (lambda root: shutil.rmtree(root / "mask"), "mask' is not a directory: .* files 21_training_mask.gif"),
        (lambda root: save_image(root / "images" / "21_test.tif"), "unknown name: expected 21_training.tif"),
        (lambda root: save_image(root / "images" / "21_training.tif"), "is grey: expected a photograph in colour"),
        (lambda root: save_mask(root / "mask" / "21_training_mask.gif", size=(9, 9)), "fov .* is 9x9 pixels"),
        (lambda root: truncate(root / "images" / "21_training.tif", 400), "21_training.tif' is not a readable image"),
        (lambda root: truncate(root / "1st_manual" / "22_manual1.gif"), "22_manual1.gif' is not a readable image"),
        (lambda root: save_mask(root / "mask" / "21_training_mask.gif", ()), "21_training_mask.gif' is empty"),
        (lambda root: save_mask(root / "1st_manual" / "21_manual1.gif", (9, 99)), "holds the 3 grey values 0, 9, 99"),
    ],
)
def test_damage_is_named(folder, damage, words):
    damage(folder / "training")
    with pytest.raises(ValueError, match=words):
        drive_datalist(folder, check_content=True)


def test_what_is_not_there(folder, tmp_path):
    with pytest.raises(ValueError, match="subset is 'all': expected 'training' or 'test'"):
        drive_datalist(folder, "all")
    with pytest.raises(ValueError, match="training' is not a directory: give the folder with DRIVE's training set"):
        drive_datalist(tmp_path / "test")
