from __future__ import annotations

import pytest

from monai_nlseg.data import iseg_datalist
from tests.data.readers import SHAPE, save_iseg, write_iseg


@pytest.fixture
def folder(tmp_path):
    write_iseg(tmp_path)
    return tmp_path


def test_official_layout(folder):
    datalist = iseg_datalist(folder)
    assert datalist[0] == {
        "case": "subject-1",
        "image": [str(folder / "subject-1-T1.hdr"), str(folder / "subject-1-T2.hdr")],
        "label": str(folder / "subject-1-label.hdr"),
    }
    assert "label" not in datalist[3]


def test_trailing_axis_of_one(folder):
    save_iseg(folder, 1, "label", (*SHAPE, 1))
    assert len(iseg_datalist(folder)) == 4


@pytest.mark.parametrize("name", ["subject-1-T2.hdr", "subject-1-T2.img", "subject-2-label.hdr", "subject-2-label.img"])
def test_a_missing_half_of_a_pair_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"{name[:9]}: .* lacks {name}: restore it"):
        iseg_datalist(folder)


def test_modalities_of_two_shapes_are_named(folder):
    save_iseg(folder, 1, "T2", (6, 7, 9))
    with pytest.raises(ValueError, match=r"subject-1: T2 has shape \(6, 7, 9\), T1 has \(9, 10, 12\)"):
        iseg_datalist(folder)
