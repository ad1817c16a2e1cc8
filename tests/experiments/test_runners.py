"""Runs on this machine: which sees which GPU, how their ends are reported, and how they are ended."""

from __future__ import annotations

import threading
import time

import pytest

from monai_nlseg.experiments import Options, runners
from monai_nlseg.experiments.run_spec import RunSpec


def specs(count: int) -> list[RunSpec]:
    return [
        RunSpec("m", f"f{each}", f"m/{each}", "b", ("train",), "", {}, {}, {}, {"": {}}, 0, 0, False, "", "t")
        for each in range(count)
    ]


@pytest.fixture
def doing(monkeypatch):
    """Do runs that are calls of this process; return their ends."""

    def do(execute, count: int = 4, jobs: int = 2, gpus=(), stopped=lambda: False, **options):
        monkeypatch.setattr(runners, "visible_gpus", lambda: list(gpus))
        monkeypatch.setattr(runners, "execute", execute)
        return runners.do_runs(specs(count), Options(jobs=jobs, **options), stopped)

    monkeypatch.setattr(runners, "TICK", 0.05)
    return do


def test_runs_at_one_time_see_different_gpus(doing):
    together = threading.Barrier(2, timeout=60)
    seen: list[tuple[str, ...]] = []

    def execute(folder, resources, stopped):
        seen.append(resources.gpus)
        together.wait()  # both runs are at work now

    ended = [each for each in doing(execute, gpus="01") if each is not None]
    assert sorted(run.fold for run, _ in ended) == ["f0", "f1", "f2", "f3"]
    assert sorted(seen) == [("0",), ("0",), ("1",), ("1",)]
    assert set(seen[:2]) == {("0",), ("1",)}


def test_more_processes_than_gpus_are_refused(doing):
    with pytest.raises(ValueError, match="--processes 3 needs as many GPUs, and there are 2: give fewer"):
        list(doing(print, gpus="01", processes=3))


def test_only_the_run_at_fault_is_named(doing):
    def execute(folder, resources, stopped):
        if folder == "m/1":
            raise OSError("a fault.")
        return "it did not work." if folder == "m/2" else None

    errors = {run.fold: error for run, error in filter(None, doing(execute))}
    assert errors == {"f0": None, "f1": "a fault.", "f2": "it did not work.", "f3": None}


@pytest.mark.parametrize("how", ["stopped", "closed"])
def test_a_stop_ends_the_runs_in_flight_and_begins_no_other(doing, how):
    begun: list[str] = []
    ended: list[str] = []

    def execute(folder, resources, stopped):
        begun.append(folder)
        while not stopped():
            time.sleep(0.01)
        ended.append(folder)

    runs = doing(execute, stopped=lambda: how == "stopped" and len(begun) == 2)
    for each in runs:
        assert each is None
        if how == "closed" and len(begun) == 2:
            runs.close()
    assert len(begun) == 2 and sorted(ended) == sorted(begun)


def test_no_runs_need_no_worker(doing):
    assert list(doing(print, count=0)) == []
