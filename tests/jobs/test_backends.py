"""The contract of backends, which processes of this machine and actors of Ray keep."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from monai_nlseg.jobs import Backend, Dispatcher, Limits, WorkerSpec
from monai_nlseg.jobs.events import Died, Done, Event, Outgrown, Placed, Ready, Refused, Starved, Stuck
from monai_nlseg.jobs.local import LocalBackend
from monai_nlseg.jobs.queue import DEATHS
from tests.jobs import light
from tests.jobs.light import Load, task

pytest_plugins = ("tests.cohort.ray_fixtures",)

LIGHT = Limits(task="case", loaded="bundle")


@pytest.fixture(params=["local", "ray"])
def make(request, tmp_path) -> Iterator[Callable[..., Backend]]:
    """Make a backend of either kind; it is closed at the end."""
    made: list[Backend] = []

    def local(limits: Limits = LIGHT, starts: tuple[str, ...] = ("well",)) -> Backend:
        made.append(LocalBackend(WorkerSpec(Load(tmp_path, starts), limits)))
        return made[-1]

    def on_ray(address: str, limits: Limits = LIGHT, starts: tuple[str, ...] = ("well",)) -> Backend:
        from monai_nlseg.jobs.ray import RayBackend

        spec = WorkerSpec(Load(tmp_path, starts), limits)
        made.append(RayBackend(spec, tmp_path, address=address, gpus_per_worker=0))
        return made[-1]

    if request.param == "local":
        yield local
    else:
        ray = pytest.importorskip("ray")
        ray.cloudpickle.register_pickle_by_value(light)
        yield partial(on_ray, request.getfixturevalue("cluster").address)
        ray.cloudpickle.unregister_pickle_by_value(light)
    for backend in made:
        backend.close()


def heard(backend: Backend, kind: type[Event], seconds: float = 120) -> list[Event]:
    """Return what a backend says until an event of a kind comes, which is the last."""
    events: list[Event] = []
    deadline = time.monotonic() + seconds
    while not any(isinstance(event, kind) for event in events):
        assert time.monotonic() < deadline, events
        events += backend.wait(0.2)
    return events


def ready(backend: Backend, worker: int = 0) -> None:
    backend.start(worker)
    assert [type(event) for event in heard(backend, Ready)] == [Placed, Ready]


def gone(pid: int, seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not psutil.pid_exists(pid)


def test_a_worker_is_placed_and_ready_and_does_the_tasks_that_it_is_handed(make):
    backend = make()
    backend.start(0)
    placed, loaded = heard(backend, Ready)
    assert placed == Placed(0) and loaded.worker == 0 and loaded.memory > 1 << 20
    names = ["a", "wrong", "exit", "b"]
    done: list[Done] = []
    for pair in (names[:2], names[2:]):
        for name in pair:
            backend.submit(0, task(name))
        while len(done) < (2 if pair == names[:2] else 4):
            done += heard(backend, Done)
    found = {event.task: event for event in done}
    assert found.keys() == set(names) and {event.worker for event in done} == {0}
    assert [found[name].error for name in names] == [None, "a bug of the worker.", "the bundle ended Python.", None]
    pid = found["a"].result["pid"]
    assert found["b"].result["pid"] == pid != os.getpid()
    backend.close()
    assert gone(pid)


def test_what_ends_the_run_is_said_as_such(make):
    backend = make()
    ready(backend)
    backend.submit(0, task("full"))
    assert heard(backend, Refused)[-1] == Refused(0, "the disk is full.")


def test_a_result_that_cannot_be_sent_is_an_error_of_its_task(tmp_path):
    """Else nobody would hear of the task, and its run would not end."""
    backend = LocalBackend(WorkerSpec(Load(tmp_path), LIGHT))
    ready(backend)
    backend.submit(0, task("unsendable"))
    done = heard(backend, Done)[-1]
    backend.close()
    assert done.task == "unsendable" and done.error.startswith("the result cannot be sent: ")


def test_a_worker_that_dies_is_killed_and_started_again(make):
    backend = make()
    ready(backend)
    backend.submit(0, task("a"))
    [first] = heard(backend, Done)
    backend.submit(0, task("deadly"))
    last = heard(backend, Died)[-1]
    assert last.worker == 0 and last.counts and last.how.startswith("a worker ended ")
    backend.kill(0)
    ready(backend)
    backend.submit(0, task("a"))
    [second] = heard(backend, Done)
    assert first.result["pid"] != second.result["pid"]


def test_a_worker_that_reads_too_long_or_outgrows_its_limit_says_so_and_leaves_nothing(make, tmp_path):
    backend = make(Limits(memory=400 << 20, read_seconds=1))
    ready(backend)
    backend.submit(0, task("stuck"))
    assert heard(backend, Stuck)[-1] == Stuck(0, "stuck")
    scratch = Path((tmp_path / "scratch").read_text())
    assert (scratch / "scan.nii").exists() and scratch.is_relative_to(tempfile.gettempdir())
    backend.kill(0)
    ready(backend)
    backend.submit(0, task("huge"))
    assert heard(backend, Outgrown)[-1] == Outgrown(0)
    backend.kill(0)
    assert backend.wait(0.3) == []
    backend.close()
    assert not scratch.exists()


@pytest.mark.parametrize(("start", "kind"), [("dies", Died), ("starved", Starved), ("unusable", Refused)])
def test_a_worker_that_cannot_load_says_why(make, start, kind):
    backend = make(starts=(start, "well"))
    backend.start(0)
    placed, event = heard(backend, kind)[:2]
    assert placed == Placed(0) and type(event) is kind and event.worker == 0
    if start != "dies":
        assert event.reason.endswith(f"it is {start}.")
    backend.kill(0)
    ready(backend)


def test_a_dispatcher_has_all_done_whatever_befalls_its_workers(make, tmp_path):
    backend = make(Limits(task="case", loaded="bundle", read_seconds=1), ("dies", "well"))
    names = ["a", "deadly", "b", "stuck", "c", "unlucky", "d"]
    with Dispatcher(backend) as dispatcher:
        found = [each for each in dispatcher.run([task(name) for name in names], 1) if each is not None]
    outcomes = {outcome.name: outcome for outcome in found}
    assert sorted(names) == sorted(outcome.name for outcome in found)
    assert {name for name, outcome in outcomes.items() if outcome.error is not None} == {"deadly", "stuck"}
    assert outcomes["deadly"].attempt == DEATHS and " while it held the case: see " in outcomes["deadly"].error
    assert outcomes["stuck"].error.startswith("reading the case took more than 1 s")
    lines = [line.split()[0] for line in (tmp_path / "log").read_text().splitlines()]
    assert set(lines) == {"a", "b", "c", "unlucky", "d"}
    assert not list((tmp_path / ".nlseg").iterdir() if (tmp_path / ".nlseg").exists() else [])


def test_a_run_that_is_closed_leaves_no_process(make):
    backend = make()
    with Dispatcher(backend) as dispatcher:
        run = dispatcher.run([task(f"task-{number}", 1) for number in range(20)], 1)
        pid = next(outcome for outcome in run if outcome is not None).result["pid"]
        run.close()
        assert gone(pid)


def test_workers_of_this_machine_import_nothing_that_takes_long():
    code = "import sys, monai_nlseg.jobs.work; sys.exit('torch' in sys.modules or 'monai' in sys.modules)"
    assert psutil.Popen([sys.executable, "-c", code]).wait() == 0
