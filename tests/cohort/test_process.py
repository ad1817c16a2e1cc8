"""The worker's side of the conversation with its parent."""

from __future__ import annotations

import multiprocessing
import threading

import pytest

from monai_nlseg.cohort import Case, RunOptions, find_cases, run
from monai_nlseg.cohort import process as process_module
from monai_nlseg.cohort.worker import OutputRefused
from tests.cohort.bundles import save_volume


class Told:
    """In the place of a worker."""

    def __init__(self, *arguments):
        self.settled = []
        Told.last = self

    def settle(self, threads, batch):
        self.settled.append((threads, batch))

    def process(self, case):
        if case.name == "exit":
            raise SystemExit("the bundle ended Python.")
        if case.name == "full":
            raise OutputRefused("the disk is full.")
        return {"case": case.name}


@pytest.fixture
def served(monkeypatch):
    monkeypatch.setattr(process_module, "Worker", Told)
    ours, theirs = multiprocessing.Pipe()
    thread = threading.Thread(target=process_module._serve, args=(theirs, None, None, "", 0, 3, 8))
    thread.start()
    assert ours.recv() == ("ready", None)
    yield ours
    ours.send(("end", None))
    thread.join()


def test_a_worker_that_comes_later_takes_the_plan_of_the_others(served):
    assert Told.last.settled == [(3, 8)]
    served.send(("settle", (2, 4)))
    served.send(("case", Case("a", ())))
    assert served.recv() == ("record", {"case": "a"})
    assert Told.last.settled[-1] == (2, 4)


@pytest.mark.parametrize(("name", "told"), [("exit", "the bundle ended Python."), ("full", "the disk is full.")])
def test_whatever_ends_the_work_on_a_case_is_told(served, name, told):
    served.send(("case", Case(name, ())))
    assert served.poll(20) and served.recv() == ("unusable", told)


def test_a_limit_that_no_case_could_keep(made, tmp_path):
    save_volume(tmp_path / "in" / "a.nii.gz", (8, 8, 8))
    options = RunOptions(bundle=str(made("unet")), output=str(tmp_path / "out"), memory=10**7)
    with pytest.raises(ValueError, match="GB with the bundle alone, more than the limit of 0.01 GB: raise the limit"):
        list(run(find_cases(tmp_path / "in"), options))
    assert not (tmp_path / "out" / "manifest.jsonl").read_bytes()
