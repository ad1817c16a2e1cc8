from __future__ import annotations

import math

import pytest

from monai_nlseg.evaluation import CaseResult, ClassResult, read_table
from monai_nlseg.evaluation.table import table_of, write_table

RESULTS = [
    CaseResult("a", "0:4,0:5", (ClassResult("GM, left", "found", {"dice": 0.1 + 0.2, "hd95": math.inf}),)),
    CaseResult("b", failure="'b.nii' is truncated, restore it."),
]


def test_a_table_comes_back_as_it_was(tmp_path):
    write_table(tmp_path / "cases.csv", RESULTS, ["dice", "hd95"])
    assert (tmp_path / "cases.csv").read_text().splitlines() == [
        "case,class,state,box,dice,hd95,message",
        'a,"GM, left",found,"0:4,0:5",0.30000000000000004,inf,',
        "b,,failed,,,,\"'b.nii' is truncated, restore it.\"",
    ]
    assert read_table(tmp_path / "cases.csv") == table_of(RESULTS, ["dice", "hd95"])
    assert [path.name for path in tmp_path.iterdir()] == ["cases.csv"]


def test_a_table_of_another_program(tmp_path):
    (tmp_path / "a.csv").write_text("case,class,dice\na,GM,0.5\nb,GM,\n")
    found = read_table(tmp_path / "a.csv")
    assert found.values["a", "GM"] == {"dice": 0.5} and math.isnan(found.values["b", "GM"]["dice"])
    assert found.boxes == {"a": "", "b": ""}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lacks the columns case and class"),
        ("case,dice\na,1\n", "lacks the columns case and class"),
        ("case,class,dice\na,GM,1\na,GM,2\n", "case 'a', class 'GM' twice"),
        ("case,class,dice\na,GM,high\n", "a cell that is not a number .*'high'"),
        ("case,class,dice\na,GM,1,2\n", "row 2 .* another number of cells"),
        ("case,class,dice\na\n", "row 2 .* another number of cells"),
    ],
)
def test_what_is_no_table(tmp_path, text, words):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=words):
        read_table(tmp_path / "a.csv")
    with pytest.raises(ValueError, match="cannot be read as a table"):
        read_table(tmp_path / "nowhere.csv")
