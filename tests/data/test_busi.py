from __future__ import annotations

from collections import Counter

import pytest
from monai.transforms import Compose, LoadImaged

from monai_nlseg.data import busi_datalist, identical_images
from monai_nlseg.transforms import MergeMasksd
from tests.data.images import SHARED, save_image, save_mask, truncate

REAL = SHARED / "busi"


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "Dataset_BUSI_with_GT"
    for name, numbers in (("benign", (1, 2, 10)), ("malignant", (1,)), ("normal", (1,))):
        for number in numbers:
            save_image(root / name / f"{name} ({number}).png", "RGB" if number == 2 else "L", seed=number)
            save_mask(root / name / f"{name} ({number})_mask.png", () if name == "normal" else (255,), mode="1")
    save_mask(root / "benign" / "benign (10)_mask_1.png", (0, 255), mode="RGBA")
    save_mask(root / "benign" / "benign (10)_mask_2.png", (0, 0, 1))
    return root


def test_layout(folder):
    datalist = busi_datalist(folder, check_content=True)
    assert busi_datalist(folder.parent) == datalist
    assert [entry["case"] for entry in datalist] == [
        "benign (1)",
        "benign (2)",
        "benign (10)",
        "malignant (1)",
        "normal (1)",
    ]
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


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda root: (root / "benign" / "benign (2)_mask.png").unlink(), r"1 image without mask \(benign \(2\)\)"),
        (lambda root: (root / "normal" / "normal (1).png").unlink(), r"1 mask without image \(normal \(1\)\)"),
        (lambda root: save_image(root / "benign" / "benign.png"), "unknown name: expected benign"),
        (lambda root: save_image(root / "benign" / "malignant (1).png"), "unknown name"),
        (lambda root: save_image(root / "benign" / "benign (1).PNG"), "are one file twice"),
        (lambda root: save_mask(root / "benign" / "benign (10)_mask_1.png", size=(9, 9)), "mask 2 .* is 9x9 pixels"),
        (lambda root: truncate(root / "malignant" / "malignant (1).png"), "not a readable image"),
    ],
)
def test_damage_is_named(folder, damage, words):
    damage(folder)
    with pytest.raises(ValueError, match=words):
        busi_datalist(folder)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda root: save_mask(root / "benign" / "benign (1)_mask.png", ()), "is empty: expected something drawn"),
        (lambda root: save_mask(root / "normal" / "normal (1)_mask.png"), "is not empty: expected nothing drawn"),
        (lambda root: save_mask(root / "benign" / "benign (1)_mask.png", (7, 9)), "holds the 3 grey values 0, 7, 9"),
    ],
)
def test_damage_to_the_content_is_named_on_request(folder, damage, words):
    damage(folder)
    assert len(busi_datalist(folder)) == 5
    with pytest.raises(ValueError, match=words):
        busi_datalist(folder, check_content=True)


def test_missing_class_is_told(folder, tmp_path, caplog):
    (folder / "malignant").rename(tmp_path / "malignant")
    assert len(busi_datalist(folder)) == 4
    assert "holds only the classes benign, normal" in caplog.text


def test_no_lesion(folder, tmp_path):
    for name in ("benign", "malignant"):
        (folder / name).rename(tmp_path / name)
    with pytest.raises(ValueError, match="holds no image with a lesion: give the folder Dataset_BUSI_with_GT"):
        busi_datalist(folder)
    (tmp_path / "other").mkdir()
    with pytest.raises(ValueError, match="holds no image with a lesion"):
        busi_datalist(tmp_path / "other")
    with pytest.raises(ValueError, match="not a directory: give the folder with Dataset_BUSI_with_GT"):
        busi_datalist(tmp_path / "nowhere")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"BUSI is not at {REAL}")
def test_real_images():
    datalist = busi_datalist(REAL, check_content=True)
    assert Counter(entry["class"] for entry in datalist) == {"benign": 350, "malignant": 168, "normal": 106}
    assert Counter(len(entry["label"]) for entry in datalist) == {1: 611, 2: 12, 3: 1}
    assert [[entry["case"] for entry in group] for group in identical_images(datalist)] == [
        ["benign (433)", "malignant (145)"]
    ]
