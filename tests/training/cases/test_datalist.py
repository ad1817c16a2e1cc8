"""The split of a run as a file."""

from __future__ import annotations

import json

import pytest

from monai_nlseg.training.cases.case import TrainingCase
from monai_nlseg.training.cases.datalist import read_datalist, write_datalist
from monai_nlseg.training.cases.splits import Fold, Split


def a_split():
    one = TrainingCase("s/one", ("/d/1.nii",), ("/d/1_seg.nii",), "P", "training", 0)
    two = TrainingCase("zwei ü", ("/d/2a.nii", "/d/2b.nii"), ("/d/2_m.png", "/d/2_m1.png"), "Q", None, 1)
    test = TrainingCase("t", ("/t",), ("/tl",), "T")
    return Split((test,), (Fold((one,), (two,)), Fold((two,), (one,))), ("a note",))


def test_a_split_is_read_as_it_was_written(tmp_path):
    write_datalist(tmp_path / "run/datalist.json", a_split())
    assert read_datalist(tmp_path / "run/datalist.json") == a_split()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["datalist.json"]


def test_the_lists_are_those_of_monai(tmp_path):
    write_datalist(tmp_path / "datalist.json", a_split())
    content = json.loads((tmp_path / "datalist.json").read_text())
    assert content["test"] == [{"case": "t", "subject": "T", "image": "/t", "label": "/tl"}]
    assert content["folds"][0]["validation"][0]["image"] == ["/d/2a.nii", "/d/2b.nii"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"folds": 1, "test": [], "notes": []}'])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "datalist.json").write_text(text)
    with pytest.raises(ValueError, match=r"datalist\.json' is damaged .*: restore it, or start another run"):
        read_datalist(tmp_path / "datalist.json")


def test_a_changed_file_is_noticed(tmp_path):
    path = tmp_path / "datalist.json"
    write_datalist(path, a_split())
    path.write_text(path.read_text().replace("/d/1.nii", "/d/9.nii"))
    with pytest.raises(ValueError, match="its checksum is another"):
        read_datalist(path)
