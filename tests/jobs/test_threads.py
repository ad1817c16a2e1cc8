"""Workers that are threads: their part of the contract of backends."""

from __future__ import annotations

import threading
import time

import pytest

from monai_nlseg.jobs import Dispatcher, Place, RunRefused, Task, WorkerSpec
from monai_nlseg.jobs.threads import ThreadBackend


def place_of(place: Place) -> Place:
    return place


SPEC = WorkerSpec(place_of, depth=1)


def endless(place: Place) -> None:
    while not place.ended():
        time.sleep(0.01)


def test_tasks_are_done_in_threads_that_know_their_gpus():
    together = threading.Barrier(2, timeout=60)

    def call(place: Place) -> tuple[str, ...]:
        together.wait()
        return place.gpus

    with Dispatcher(ThreadBackend(SPEC, "0123", 2)) as dispatcher:
        outcomes = [each for each in dispatcher.run([Task("a", call), Task("b", call)], 2) if each]
    assert {outcome.result for outcome in outcomes} == {("0", "1"), ("2", "3")}
    assert {outcome.error for outcome in outcomes} == {None}


def test_what_a_call_raises_is_reported_of_its_task_or_ends_the_run():
    def wrong(place: Place) -> None:
        raise RuntimeError("a bug.")

    def full(place: Place) -> None:
        raise RunRefused("the disk is full.")

    with Dispatcher(ThreadBackend(SPEC)) as dispatcher:
        [outcome] = [each for each in dispatcher.run([Task("a", wrong)], 1) if each]
        assert outcome.error == "a bug."
        with pytest.raises(ValueError, match="the disk is full"):
            list(dispatcher.run([Task("b", full)], 1))


def test_a_run_that_is_closed_ends_its_tasks_and_another_goes_on():
    before = set(threading.enumerate())
    with Dispatcher(ThreadBackend(SPEC), tick=0.01) as dispatcher:
        run = dispatcher.run([Task("a", endless), Task("b", endless)], 2)
        assert next(run) is None
        run.close()
        assert [each.name for each in dispatcher.run([Task("c", print)], 1) if each] == ["c"]
    assert set(threading.enumerate()) <= before  # some of earlier tests may have ended
