from __future__ import annotations

from collections import Counter

import pytest
from monai.transforms import Compose, LoadImaged

from monai_nlseg.data import busi_datalist, identical_images
from monai_nlseg.transforms import MergeMasksd
from tests.data.images import save_mask
from tests.data.readers import real_datalist, write_busi


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "Dataset_BUSI_with_GT"
    write_busi(root)
    return root


def test_layout(folder):
    datalist = busi_datalist(folder, check_content=True)
    assert busi_datalist(folder.parent) == datalist
    assert datalist[2] == {
        "case": "benign (10)",
        "image": str(folder / "benign" / "benign (10).png"),
        "label": [str(folder / "benign" / f"benign (10)_mask{ending}.png") for ending in ("", "_1", "_2")],
        "class": "benign",
        "positive": True,
    }
    assert datalist[4]["class"] == "normal" and not datalist[4]["positive"]


def test_masks_of_several_forms_merge_to_one(folder):
    load = Compose(
        [
            LoadImaged(("image", "label"), reader="monai_nlseg.data.PictureReader", ensure_channel_first=True),
            MergeMasksd("label"),
        ]
    )
    sums = [load(entry)["label"].sum().item() for entry in busi_datalist(folder)]
    assert sums == [5, 5, 15, 5, 0]
    assert load(busi_datalist(folder)[1])["image"].shape == (1, 16, 20)


def test_a_normal_image_with_something_drawn_is_named_on_request(folder):
    save_mask(folder / "normal" / "normal (1)_mask.png")
    assert len(busi_datalist(folder)) == 5
    with pytest.raises(ValueError, match="is not empty: expected nothing drawn"):
        busi_datalist(folder, check_content=True)


def test_a_warning_names_the_classes_that_are_there(folder, tmp_path, caplog):
    (folder / "malignant").rename(tmp_path / "malignant")
    assert len(busi_datalist(folder)) == 4
    assert "holds only the classes benign, normal" in caplog.text


def test_no_lesion(folder, tmp_path):
    for name in ("benign", "malignant"):
        (folder / name).rename(tmp_path / name)
    with pytest.raises(ValueError, match="holds no image with a lesion: give the folder Dataset_BUSI_with_GT"):
        busi_datalist(folder)


def test_real_images():
    datalist = real_datalist("busi")
    assert Counter(entry["class"] for entry in datalist) == {"benign": 350, "malignant": 168, "normal": 106}
    assert Counter(len(entry["label"]) for entry in datalist) == {1: 611, 2: 12, 3: 1}
    assert [[entry["case"] for entry in group] for group in identical_images(datalist)] == [
        ["benign (433)", "malignant (145)"]
    ]
