"""The tables that a run writes at its end."""

from __future__ import annotations

import csv

import pytest

from monai_nlseg.cohort import LeftOut
from monai_nlseg.cohort.ledger import write_left_out, write_volumes


def record(case, labels, entropy=None, status="done"):
    return {"case": case, "status": status, "labels": labels, "entropy": entropy}


def label(name, voxels, components=1, **ml):
    return {"name": name, "voxels": voxels, "components": components, **ml}


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_a_row_a_case_by_name(tmp_path):
    unlike = ["the voxels are large", "the background is not zero"]
    records = [
        record('b, "x"\ny', {"10": label("GM", 7, 2, ml=0.007), "2": label("CSF", 0, 0, ml=0.0)}, 0.25)
        | {"unlike": unlike},
        record("ä", {"2": label("CSF", 5)}),
        {"case": "a", "status": "failed", "error": "broken"},
    ]
    write_volumes(tmp_path / "volumes.csv", records)
    assert rows_of(tmp_path / "volumes.csv") == [
        ["case", "CSF_voxels", "CSF_ml", "CSF_components", "GM_voxels", "GM_ml", "GM_components", "entropy", "unlike"],
        ['b, "x"\ny', "0", "0.0", "0", "7", "0.007", "2", "0.25", "the voxels are large; the background is not zero"],
        ["ä", "5", "", "1", "", "", "", "", ""],
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["volumes.csv"]


@pytest.mark.parametrize("records", [[], [{"case": "a", "status": "failed", "error": "broken"}]])
def test_nothing_done(tmp_path, records):
    write_volumes(tmp_path / "volumes.csv", records)
    assert rows_of(tmp_path / "volumes.csv") == [["case", "entropy", "unlike"]]


def test_a_table_that_cannot_be_written(tmp_path):
    (tmp_path / "volumes.csv").mkdir()
    with pytest.raises(OSError, match="volumes.csv"):
        write_volumes(tmp_path / "volumes.csv", [])
    assert list((tmp_path / "volumes.csv").iterdir()) == []


def test_names_that_spreadsheets_would_run(tmp_path):
    bad = record("=1+1", {"1": label("-2+3", 5)}, 0.5) | {"unlike": ["@x"]}
    write_volumes(tmp_path / "volumes.csv", [bad])
    head, row = rows_of(tmp_path / "volumes.csv")
    assert head[:2] == ["case", "'-2+3_voxels"] and row == ["'=1+1", "5", "", "1", "0.5", "'@x"]
    write_left_out(tmp_path / "left_out.csv", [LeftOut("+a.txt", "hidden")])
    assert rows_of(tmp_path / "left_out.csv") == [["path", "reason"], ["'+a.txt", "hidden"]]
