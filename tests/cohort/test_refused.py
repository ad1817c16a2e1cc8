"""Calls that are refused, early or late, leave the records of finished work as they are."""

from __future__ import annotations

import json
import shutil
import sys

import pytest
from filelock import FileLock

from monai_nlseg.cohort import Runner, RunOptions, find_cases, run
from monai_nlseg.jobs import RunRefused
from tests.cohort.bundles import save_volume

run_module = sys.modules[run.__module__]
RECORDS = ("run.json", "report.html", "volumes.csv", "manifest.jsonl")


def fake_records(runner, cases, options, identity, journal, planned, stopped):
    """In the place of workers."""
    for case in cases:
        yield {"case": case.name, "status": "failed", "error": "it did not do.", "attempt": 1}


@pytest.fixture
def finished(made, tmp_path, monkeypatch):
    """A finished run, and how it is repeated with another case."""
    save_volume(tmp_path / "in" / "a.nii.gz", (8, 8, 8))
    output = tmp_path / "out"

    def repeat(runner: Runner | None = None, cases=None, bundle: str | None = None, **options):
        given = RunOptions(bundle=bundle or str(made("unet")), output=str(output), previews=False, **options)
        return list(run(cases or find_cases(tmp_path / "in"), given, runner))

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "records_of", fake_records)
        repeat()
    save_volume(tmp_path / "in" / "b.nii.gz", (8, 8, 8), seed=1)
    return output, repeat


def state(output) -> dict[str, tuple[bytes, int]]:
    return {name: ((output / name).read_bytes(), (output / name).stat().st_mtime_ns) for name in RECORDS}


def late(sentence: str, kind: type[Exception] = ValueError):
    """A runner that has planned, and then refuses."""

    def records(runner, cases, options, identity, journal, planned, stopped):
        planned(None, 3)
        raise kind(sentence)
        yield

    return records


REFUSALS = {
    "bundle": (lambda repeat: repeat(bundle="no_such"), "no_such"),
    "cluster": (lambda repeat: repeat(Runner("ray", address="127.0.0.1:1")), "there is no Ray cluster to join"),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refused_call_leaves_finished_work_as_it_is(finished, refusal):
    output, repeat = finished
    before = state(output)
    call, words = REFUSALS[refusal]
    if refusal == "cluster":
        pytest.importorskip("ray")
    with pytest.raises(ValueError, match=words):
        call(repeat)
    assert state(output) == before


@pytest.mark.parametrize("kind", [ValueError, RunRefused, OSError])
def test_so_does_one_that_is_refused_after_its_plan(finished, monkeypatch, kind):
    output, repeat = finished
    before = state(output)
    monkeypatch.setattr(run_module, "records_of", late("the disk is full.", kind))
    with pytest.raises(kind, match="the disk is full"):
        repeat()
    assert state(output) == before


def test_another_run_at_work_and_a_folder_that_cannot_be_written(finished, monkeypatch):
    output, repeat = finished
    before = state(output)
    with FileLock(output / ".nlseg" / "lock"), pytest.raises(ValueError, match="another run is at work"):
        repeat()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_module.Manifest, "append", full)
    monkeypatch.setattr(run_module, "records_of", fake_records)
    with pytest.raises(OSError):
        repeat()
    assert state(output) == before


@pytest.mark.parametrize("there", [[], ["out"], ["out", "out/thesis.txt"]])
def test_a_refused_call_into_a_new_folder_leaves_what_was_there(finished, monkeypatch, there):
    output, repeat = finished
    shutil.rmtree(output)
    for name in there:
        path = output.parent / name
        path.touch() if path.suffix else path.mkdir()
    before = sorted(output.parent.rglob("*"))
    monkeypatch.setattr(run_module, "records_of", late("no."))
    with pytest.raises(ValueError, match="no."):
        repeat()
    assert sorted(output.parent.rglob("*")) == before


def test_a_run_that_has_begun_says_how_it_ended(finished, monkeypatch):
    output, repeat = finished

    def records(runner, cases, *others):
        yield {"case": cases[0].name, "status": "failed", "error": "it did not do.", "attempt": 1}
        assert json.loads((output / "run.json").read_text())["end"] == "running"
        raise ValueError("the disk is full.")

    monkeypatch.setattr(run_module, "records_of", records)
    with pytest.raises(ValueError, match="the disk is full"):
        repeat()
    journal = json.loads((output / "run.json").read_text())
    assert journal["end"] == "the disk is full." and journal["counts"]["failed"] == 2
