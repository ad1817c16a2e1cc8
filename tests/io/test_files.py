from __future__ import annotations

import os

import pytest

from monai_nlseg.io.files import remove_leftovers, written_beside


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


def test_it_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    def broken(number):
        raise OSError("Input/output error")

    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(OSError, match="Input/output error"), written_beside(tmp_path / "a.csv") as beside:
        beside.write_text("whole")
    assert list(tmp_path.iterdir()) == []


def test_leftovers_go_and_nothing_else(tmp_path):
    kept = [
        "a.nii",
        ".2024-notes.txt",
        ".nlseg/lock",
        ".nlseg/s/b.npz",
        ".nlseg-notes",
        "nlseg-1-a",
        ".12-x/.hidden",
        "shared-1",
    ]
    left = [".nlseg-12-0a1b2c3d-a.nii.gz", "s/deep/.nlseg-3456-ffffffff-b-c.png", ".nlseg/.nlseg-1-01234567-x.npz"]
    left.append(".nlseg/shared-0a1b2c3d")
    for name in kept + left:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    with pytest.raises(KeyboardInterrupt), written_beside(tmp_path / "a.nii") as beside:
        assert beside.name.startswith(".nlseg-")
        raise KeyboardInterrupt
    remove_leftovers(tmp_path)
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == set(kept)


def test_the_name_is_brought_to_the_disk_after_the_content(tmp_path, monkeypatch):
    """Or a power failure could leave a folder without the file, or with the one before."""
    synced = []
    monkeypatch.setattr("os.fsync", lambda number: synced.append((os.fstat(number).st_ino, path.exists())))
    path = tmp_path / "scores.csv"
    with written_beside(path) as beside:
        beside.write_text("case,dice")
    assert synced == [(path.stat().st_ino, False), (tmp_path.stat().st_ino, True)]
