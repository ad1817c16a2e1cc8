from __future__ import annotations

import shutil

import pytest
from monai.transforms import LoadImaged

from monai_nlseg.data import drive_datalist
from tests.data.readers import write_drive


@pytest.fixture
def folder(tmp_path):
    write_drive(tmp_path)
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
    ("name", "words"),
    [
        ("1st_manual", "1st_manual' is not a directory: .* files 21_manual1.gif"),
        ("mask", "mask' is not a directory: .* files 21_training_mask.gif"),
    ],
)
def test_folders_of_masks_are_expected_in_the_training_set(folder, name, words):
    shutil.rmtree(folder / "training" / name)
    with pytest.raises(ValueError, match=words):
        drive_datalist(folder)


def test_unknown_subsets_are_refused(folder):
    with pytest.raises(ValueError, match="subset is 'all': expected 'training' or 'test'"):
        drive_datalist(folder, "all")
