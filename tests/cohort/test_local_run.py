"""Workers that die, hang or swell, and cases that make them."""

from __future__ import annotations

import os
import signal
import tempfile
from contextlib import ExitStack

import psutil
import pytest

from monai_nlseg.cohort import Runner, RunOptions, find_cases, run
from tests.cohort.bundles import DIES, HANGS, PAUSES, SWELLS, save_volume
from tests.cohort.commands import gate, last_records, require_whole


def cohort(folder, marks: dict[str, int | None]):
    for seed, (name, mark) in enumerate(marks.items()):
        # The largest is planned with: not the one that is marked.
        shape = (18, 20, 14) if mark is None else (14, 12, 10)
        save_volume(folder / f"{name}.nii.gz", shape, seed=seed, mark=mark)
    return find_cases(folder)


def workers() -> list[psutil.Process]:
    """Return the processes that the fork server of this one has forked."""
    children = psutil.Process().children(recursive=True)
    servers = [child for child in children if "forkserver" in " ".join(child.cmdline())]
    return [child for child in servers if child.ppid() != os.getpid()]


def test_a_worker_is_killed_and_a_case_kills_each_worker(made, tmp_path):
    """The cases of the first are tried again; the other case has its sentence; the rest is done."""
    cases = cohort(tmp_path / "in", {"a": None, "b": None, "c": DIES, "d": None, "e": None})
    options = RunOptions(bundle=str(made("fault")), output=str(tmp_path / "out"), previews=False)
    records = run(cases, options, Runner(workers=1), report=False)
    first = next(records)
    [worker] = workers()
    os.kill(worker.pid, signal.SIGKILL)
    found = {record["case"]: record for record in [first, *records]}
    assert {case: record["status"] for case, record in found.items()} == {
        "a": "done",
        "b": "done",
        "c": "failed",
        "d": "done",
        "e": "done",
    }
    words = "a worker ended with exit code 7 while it held the case: see the system's log, or leave the case out."
    assert found["c"]["error"] == words
    # Which of the two cases in the worker is done first is a race; the other may have been in it when it was killed.
    assert first["attempt"] == 1
    # It was given to one worker that was killed or that it ended, and then, alone, to another.
    assert found["c"]["attempt"] >= 2
    assert found["c"]["input"]["files"] == [str(tmp_path / "in" / "c.nii.gz")]
    assert last_records(tmp_path / "out").keys() == set("abcde") and not workers()
    require_whole(tmp_path / "out")


def test_a_case_whose_worker_is_killed_is_tried_once_more(made, tmp_path, monkeypatch):
    """Even if no other was in the worker: the system may have ended it for the fault of others."""
    save_volume(tmp_path / "in" / "a.nii.gz", (18, 20, 14), mark=PAUSES)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    killed = []
    opened = ExitStack()
    opened.enter_context(gate(monkeypatch, tmp_path / "gate"))

    def stopped():
        if not killed and list((tmp_path / "temporary").glob("nlseg-held-*/*/nlseg-*")):  # where a case is staged
            [worker] = workers()
            os.kill(worker.pid, signal.SIGKILL)
            killed.append(worker.pid)
            opened.close()
        return False

    options = RunOptions(bundle=str(made("fault")), output=str(tmp_path / "out"), previews=False)
    cases = find_cases(tmp_path / "in")
    with opened:
        [record] = run(cases, options, Runner(workers=1), report=False, stopped=stopped)
    assert killed and record["status"] == "done" and record["attempt"] == 2
    require_whole(tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize("mark", [DIES, HANGS])
def test_a_plan_that_its_case_ends(made, tmp_path, mark):
    save_volume(tmp_path / "in" / "a.nii.gz", (28, 20, 14), mark=mark)
    cases = cohort(tmp_path / "in", {"b": None})
    options = RunOptions(bundle=str(made("fault")), output=str(tmp_path / "out"), previews=False, seconds=5)
    found = {record["case"]: record["status"] for record in run(cases, options, Runner(workers=1), report=False)}
    assert found == {"a": "failed", "b": "done"}


@pytest.mark.slow
def test_cases_that_take_too_long_or_too_much(made, tmp_path):
    marks = {"a": None, "b": HANGS, "c": None, "d": SWELLS, "e": None, "f": None}
    cases = cohort(tmp_path / "in", marks)
    options = RunOptions(
        bundle=str(made("fault")), output=str(tmp_path / "out"), previews=False, seconds=6, memory=1_200_000_000
    )
    found = {record["case"]: record for record in run(cases, options, Runner(workers=1), report=False)}
    assert {case for case, record in found.items() if record["status"] == "done"} == set("acef")
    assert found["b"]["error"] == "the case took more than its limit of 6 s: raise the limit, or leave it out."
    assert found["d"]["error"] == (
        "the case took more memory than its limit of 1.2 GB: raise the limit, or leave it out."
    )
    assert not workers()


def test_a_limit_that_no_case_could_keep(made, tmp_path):
    save_volume(tmp_path / "in" / "a.nii.gz", (8, 8, 8))
    options = RunOptions(bundle=str(made("unet")), output=str(tmp_path / "out"), memory=10**7)
    with pytest.raises(ValueError, match="GB with the bundle alone, more than the limit of 0.01 GB: raise the limit"):
        list(run(find_cases(tmp_path / "in"), options))
    assert not (tmp_path / "out").exists()


def test_two_workers_have_the_results_of_one(made, tmp_path):
    cases = cohort(tmp_path / "in", {name: None for name in "abcdef"})
    found = []
    for count in (1, 2):
        options = RunOptions(bundle=str(made("unet")), output=str(tmp_path / str(count)), previews=False)
        records = run(cases, options, Runner(workers=count), report=False)
        found.append({record["case"]: record["outputs"] for record in records})
    assert found[0] == found[1] and found[0].keys() == set("abcdef")
