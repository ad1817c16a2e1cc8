"""A record of the files of a run."""

from __future__ import annotations

import os

import pytest

from monai_nlseg.training.cases import snapshot
from monai_nlseg.training.cases.case import TrainingCase
from monai_nlseg.training.cases.snapshot import Snapshot, take


@pytest.fixture
def cases(tmp_path):
    made = []
    for name in ("a", "b"):
        paths = [tmp_path / f"{name}.hdr", tmp_path / f"{name}.img", tmp_path / f"{name}.png"]
        for path in paths:
            path.write_bytes(path.name.encode())
        made.append(TrainingCase(name, (str(paths[0]),), (str(paths[2]),), name))
    return made


def test_nothing_has_changed_after_a_snapshot_and_its_file(cases, tmp_path):
    taken = take(cases)
    assert len(taken.files) == 6 and taken.files[str(tmp_path / "a.img")].size == 5
    taken.write(tmp_path / "snapshot.json")
    assert Snapshot.read(tmp_path / "snapshot.json") == taken
    assert taken.changes(cases) == []


def test_another_size_and_other_content_are_changes(cases, tmp_path):
    taken = take(cases)
    (tmp_path / "a.img").write_bytes(b"longer")
    (tmp_path / "b.png").write_bytes(b"B.png")
    os.utime(tmp_path / "b.png", ns=(0, 0))
    assert taken.changes(cases) == [
        f"'{tmp_path}/a.img' had 5 bytes when the run began, and has 6 now.",
        f"'{tmp_path}/b.png' has other content than when the run began.",
    ]


def test_a_copy_with_another_time_is_no_change(cases, tmp_path):
    taken = take(cases)
    os.utime(tmp_path / "a.img", ns=(0, 0))
    assert taken.changes(cases) == []


def test_unchanged_times_are_not_read_again(cases, monkeypatch):
    taken = take(cases)
    monkeypatch.setattr(snapshot, "file_digest", lambda path: pytest.fail(f"{path} was read"))
    assert taken.changes(cases) == []


def test_files_that_come_and_go_are_changes(cases, tmp_path):
    taken = take(cases[:1])
    assert f"'{tmp_path}/b.hdr' was not there when the run began." in taken.changes(cases)
    assert f"'{tmp_path}/a.png' belonged to the run, and now to no case." in taken.changes([])
    (tmp_path / "a.png").unlink()
    assert taken.changes(cases[:1]) == [f"'{tmp_path}/a.png' cannot be read any more (No such file or directory)."]
    with pytest.raises(ValueError, match=r"a\.png' cannot be read \(No such file or directory\)"):
        take(cases)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": {"a": {"size": 1}}}', '{"files": 7}'])
def test_a_damaged_snapshot_is_named(tmp_path, text):
    (tmp_path / "snapshot.json").write_text(text)
    with pytest.raises(ValueError, match="is damaged .*: restore it, or start another run"):
        Snapshot.read(tmp_path / "snapshot.json")
