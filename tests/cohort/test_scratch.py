"""The temporary folder of a run."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from monai_nlseg.cohort.scratch import own_scratch


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


def test_it_is_removed(tmp_path):
    with own_scratch(tmp_path / "run") as folder:
        (Path(folder) / "scan.nii").write_bytes(b"x")
        assert Path(folder).stat().st_mode & 0o077 == 0
        with own_scratch(tmp_path / "another run") as other:
            assert other != folder
    assert not list((tmp_path / "temporary").iterdir())


def test_what_a_kill_has_left_is_removed_by_the_next_run(tmp_path):
    with own_scratch(tmp_path / "run") as folder:
        name = Path(folder).name
    left = tmp_path / "temporary" / name
    left.mkdir()
    (left / "scan.nii").write_bytes(b"x")
    with own_scratch(tmp_path / "run") as folder:
        assert Path(folder) == left and not list(left.iterdir())


def test_a_link_in_its_place_is_not_followed(tmp_path):
    with own_scratch(tmp_path / "run") as folder:
        name = Path(folder).name
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_bytes(b"x")
    (tmp_path / "temporary" / name).symlink_to(tmp_path / "kept")
    with pytest.raises(FileExistsError), own_scratch(tmp_path / "run"):
        pass
    assert (tmp_path / "kept" / "file").is_file()
