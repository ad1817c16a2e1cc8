from __future__ import annotations

import pytest
from monai.transforms import Compose, LoadImaged

from monai_nlseg.data import chasedb1_datalist
from monai_nlseg.metrics import OverlapMetric
from monai_nlseg.transforms import FieldOfViewd, MergeMasksd
from tests.data.readers import real_datalist, write_chasedb1


@pytest.fixture
def folder(tmp_path):
    write_chasedb1(tmp_path)
    return tmp_path


def test_layout(folder):
    datalist = chasedb1_datalist(folder, check_content=True)
    assert [entry["subject"] for entry in datalist] == ["01", "01", "14"]
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
    for entry in real_datalist("chasedb1")[:4]:
        data = load(entry)
        dice(data["second_label"][None], data["label"][None], mask=data["fov"][None])
    assert 0.7 < dice.aggregate().item() < 0.85
