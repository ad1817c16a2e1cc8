from __future__ import annotations

import pytest

from monai_nlseg.files import written_beside


def test_whole_file_in_a_new_folder(tmp_path):
    target = tmp_path / "new" / "scan.nii.gz"
    with written_beside(target) as beside:
        assert beside.parent == target.parent and beside.name.endswith(".nii.gz") and beside.name.startswith(".")
        beside.write_text("whole")
        assert not target.exists()
    assert [path.name for path in target.parent.iterdir()] == ["scan.nii.gz"] and target.read_text() == "whole"


def test_what_fails_while_writing_leaves_what_was_there(tmp_path):
    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(OSError, match="disk full"), written_beside(tmp_path / "a.csv") as beside:
        beside.write_text("half")
        raise OSError("disk full")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.csv": "old"}
