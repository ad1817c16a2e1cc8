from __future__ import annotations

import pytest

from monai_nlseg.data import hc18_datalist
from tests.data.images import save_mask
from tests.data.readers import real_datalist, write_hc18

CASES = ("000_HC", "010_HC", "010_2HC", "805_HC")
TABLE = "training_set_pixel_size_and_HC.csv"
HEADER = "filename,pixel size(mm),head circumference (mm)\n"


@pytest.fixture
def folder(tmp_path):
    write_hc18(tmp_path)
    return tmp_path


def _write_table(folder, rows, header=HEADER):
    (folder / TABLE).write_text(header + "".join(f"{row}\n" for row in rows))


def test_layout(folder):
    datalist = hc18_datalist(folder, check_content=True)
    assert [entry["subject"] for entry in datalist] == ["000", "010", "010", "805"]
    assert datalist[1] == {
        "case": "010_2HC",
        "image": str(folder / "training_set" / "010_2HC.png"),
        "subject": "010",
        "label": str(folder / "training_set" / "010_2HC_Annotation.png"),
        "positive": True,
    }
    assert hc18_datalist(folder, "test", check_content=True) == [
        {"case": "001_HC", "image": str(folder / "test_set" / "001_HC.png"), "subject": "001"}
    ]


def test_tables(folder):
    _write_table(folder, [f"{case}.png,0.069,{44.3 + number}" for number, case in enumerate(CASES)])
    (folder / "test_set_pixel_size.csv").write_text("filename,pixel size(mm)\n001_HC.png,0.07\n")
    entry = hc18_datalist(folder)[1]
    assert (entry["pixel_size"], entry["head_circumference"]) == (0.069, 46.3)
    test = hc18_datalist(folder, "test")[0]
    assert test["pixel_size"] == 0.07 and "head_circumference" not in test


@pytest.mark.parametrize(
    ("rows", "header", "words"),
    [
        (["000_HC.png,0.069,44.3"], HEADER, "has no row of 010_2HC.png"),
        (["000_HC.png,0.069,much"], HEADER, "is not HC18's table"),
        (["000_HC.png"], HEADER, "is not HC18's table"),
        (["000_HC.png,nan,44.3"], HEADER, "is not HC18's table: .* numbers above 0"),
        (["000_HC.png,0,44.3"], HEADER, "is not HC18's table"),
        (["000_HC.png,0.069,inf"], HEADER, "is not HC18's table"),
        (['000_HC.png,0.069,"' + "4" * 2**18], HEADER, "training_set_pixel_size_and_HC.csv' cannot be read as a table"),
        (["000_HC.png,0.069,44.3"], "name,size,length\n", "is not HC18's table: expected the columns filename"),
        (["000_HC.png,44.3"], "filename,head circumference (mm)\n", "is not HC18's table"),
    ],
)
def test_damaged_tables(folder, rows, header, words):
    _write_table(folder, rows, header)
    with pytest.raises(ValueError, match=words):
        hc18_datalist(folder)


def test_unknown_subsets_and_annotations_of_the_test_set_are_refused(folder):
    with pytest.raises(ValueError, match="subset is 'validation': expected 'training' or 'test'"):
        hc18_datalist(folder, "validation")
    save_mask(folder / "test_set" / "001_HC_Annotation.png")
    with pytest.raises(ValueError, match="holds 001_HC_Annotation.png: expected no annotations in the test set"):
        hc18_datalist(folder, "test")


def test_real_images():
    datalist = real_datalist("hc18")
    assert all(entry["positive"] for entry in datalist)
    measured = {entry["case"]: (entry["pixel_size"], entry["head_circumference"]) for entry in datalist}
    assert measured["000_HC"] == (0.0691358041432, 44.3)
