"""A run whose records lie in another folder than its outputs."""

from __future__ import annotations

import sys

import pytest
from filelock import FileLock

from monai_nlseg.cohort import RunOptions, find_cases, run
from monai_nlseg.cohort.worker import Worker
from monai_nlseg.io.files import name_beside
from tests.cohort.bundles import save_volume


@pytest.fixture
def call(made, tmp_path, monkeypatch):
    """One case, inferred in this process."""
    save_volume(tmp_path / "in" / "a.nii.gz", (12, 12, 12))
    options = RunOptions(bundle=str(made("unet")), output=str(tmp_path / "out"))

    def in_process(runner, cases, options, identity, journal, planned, stopped):
        yield from map(Worker(options, identity).process, cases)

    monkeypatch.setattr(sys.modules["monai_nlseg.cohort.run"], "records_of", in_process)
    return lambda records_dir: list(run(find_cases(tmp_path / "in"), options, records_dir=records_dir))


def test_the_report_has_the_pictures_and_leftovers_go(call, tmp_path):
    (tmp_path / "out").mkdir()
    left = tmp_path / "out" / name_beside("a_seg.nii.gz")
    left.touch()
    assert [record["status"] for record in call(tmp_path / "records")] == ["done"]
    assert '"axial"' in (tmp_path / "records" / "report.html").read_text(encoding="utf-8")
    assert not left.exists() and (tmp_path / "out" / "a_seg.nii.gz").exists()
    assert not (tmp_path / "out" / "manifest.jsonl").exists()
    assert call(tmp_path / "records") == []


def test_one_folder_by_two_names(call, tmp_path):
    assert len(call(tmp_path / "in" / ".." / "out")) == 1


def test_another_run_is_at_work_among_the_outputs(call, tmp_path):
    (tmp_path / "out" / ".nlseg").mkdir(parents=True)
    with FileLock(tmp_path / "out" / ".nlseg" / "lock"), pytest.raises(ValueError, match="another run is at work in"):
        call(tmp_path / "records")
    assert len(call(tmp_path / "records")) == 1
