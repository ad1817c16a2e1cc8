from __future__ import annotations

import pytest

from monai_nlseg.data import ibsr_datalist
from tests.data.readers import write_ibsr


@pytest.fixture
def folder(tmp_path):
    write_ibsr(tmp_path)
    return tmp_path


def test_layout(folder):
    datalist = ibsr_datalist(folder)
    assert datalist[0] == {
        "case": "IBSR_01",
        "image": str(folder / "IBSR_01" / "IBSR_01.nii.gz"),
        "label": str(folder / "IBSR_01" / "IBSR_01_seg.nii.gz"),
    }
    assert "label" not in datalist[2]


@pytest.mark.parametrize("subjects", [[2, 1], ["02", "01"], ["2", 1]])
def test_subjects_are_numbers_of_one_digit_or_two(folder, subjects):
    assert [entry["case"] for entry in ibsr_datalist(folder, subjects)] == ["IBSR_02", "IBSR_01"]
