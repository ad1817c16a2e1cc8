from __future__ import annotations

import pytest
from monai.transforms import Compose, LoadImaged

from monai_nlseg.data import chasedb1_datalist
from monai_nlseg.metrics import OverlapMetric
from monai_nlseg.transforms import FieldOfViewd, MergeMasksd
from tests.data.images import SHARED, save_image, save_mask, truncate

REAL = SHARED / "chasedb1"
CASES = ("Image_01L", "Image_01R", "Image_14L")


@pytest.fixture
def folder(tmp_path):
    for case in CASES:
        save_image(tmp_path / f"{case}.jpg", "RGB")
        for observer in ("1st", "2nd"):
            save_mask(tmp_path / f"{case}_{observer}HO.png", mode="1")
    return tmp_path


def test_layout(folder):
    datalist = chasedb1_datalist(folder, check_content=True)
    assert [(entry["case"], entry["subject"]) for entry in datalist] == list(zip(CASES, ("01", "01", "14")))
    assert datalist[1] == {
        "case": "Image_01R",
        "image": str(folder / "Image_01R.jpg"),
        "label": str(folder / "Image_01R_1stHO.png"),
        "second_label": str(folder / "Image_01R_2ndHO.png"),
        "subject": "01",
    }
    for path in folder.glob("*_2ndHO.png"):
        path.unlink()
    assert not any("second_label" in entry for entry in chasedb1_datalist(folder))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda root: (root / "Image_01L_1stHO.png").unlink(), r"without mask of the first observer \(Image_01L\)"),
        (lambda root: (root / "Image_01L_2ndHO.png").unlink(), r"without mask of the second observer \(Image_01L\)"),
        (lambda root: (root / "Image_14L.jpg").unlink(), r"1 mask of the first observer without image \(Image_14L\)"),
        (lambda root: save_image(root / "Image_01.jpg"), "unknown name: expected Image_01L.jpg"),
        (lambda root: save_image(root / "Image_01L.png", "RGB"), "are one file twice"),
        (lambda root: save_image(root / "Image_01L.jpg"), "is grey: expected a photograph in colour"),
        (lambda root: save_mask(root / "Image_01L_2ndHO.png", size=(9, 9)), "second_label .* is 9x9 pixels"),
        (lambda root: truncate(root / "Image_01L.jpg"), "Image_01L.jpg' is not a readable image"),
        (lambda root: save_mask(root / "Image_01L_1stHO.png", ()), "Image_01L_1stHO.png' is empty"),
    ],
)
def test_damage_is_named(folder, damage, words):
    damage(folder)
    with pytest.raises(ValueError, match=words):
        chasedb1_datalist(folder, check_content=True)


def test_no_folder(tmp_path):
    with pytest.raises(ValueError, match="not a directory: give the folder with CHASE_DB1's files Image_01L.jpg"):
        chasedb1_datalist(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no images: expected Image_01L.jpg"):
        chasedb1_datalist(tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"CHASE_DB1 is not at {REAL}")
def test_real_images():
    datalist = chasedb1_datalist(REAL, check_content=True)
    assert len(datalist) == 20 and len({entry["subject"] for entry in datalist}) == 10


@pytest.mark.skipif(not REAL.is_dir(), reason=f"CHASE_DB1 is not at {REAL}")
def test_second_observer_of_two_children():
    """Fields of view of all images are tested with the transform; four suffice to see that the parts fit together."""
    load = Compose(
        [
            LoadImaged("image", reader="monai_nlseg.data.PictureReader", channel="rgb", ensure_channel_first=True),
            LoadImaged(("label", "second_label"), reader="monai_nlseg.data.PictureReader", ensure_channel_first=True),
            MergeMasksd(("label", "second_label")),
            FieldOfViewd("image"),
        ]
    )
    dice = OverlapMetric("dice")
    for entry in chasedb1_datalist(REAL)[:4]:
        data = load(entry)
        dice(data["second_label"][None], data["label"][None], mask=data["fov"][None])
    assert 0.7 < dice.aggregate().item() < 0.85
