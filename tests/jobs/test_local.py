"""Processes of this machine that are forked from a server; the contract of all backends is in test_backends.py."""

from __future__ import annotations

import os
import sys
from functools import partial

import psutil
import pytest

from monai_nlseg.jobs import Dispatcher, Place, Task, WorkerSpec
from monai_nlseg.jobs.local import LocalBackend, _context

PRELOAD = ("monai_nlseg.jobs.work",)


def place_of(place: Place) -> Place:
    return place


def said(name: str, place: Place) -> tuple[str | None, int]:
    """Return an environment variable of the worker, and the process that started it."""
    return os.environ.get(name), os.getppid()


def answer(name: str) -> tuple[str | None, int]:
    with Dispatcher(LocalBackend(WorkerSpec(place_of, preload=PRELOAD))) as dispatcher:
        [outcome] = filter(None, dispatcher.run([Task("a", partial(said, name))], 1))
    assert outcome.error is None
    return outcome.result


@pytest.mark.skipif(sys.platform != "linux", reason="workers are spawned there")
def test_workers_are_forked_from_one_server_and_have_the_environment_of_their_start(monkeypatch):
    monkeypatch.delenv("NLSEG_TEST", raising=False)
    first, server = answer("NLSEG_TEST")
    monkeypatch.setenv("NLSEG_TEST", "later than the server")
    second, again = answer("NLSEG_TEST")
    assert (first, second) == (None, "later than the server")
    assert server == again != os.getpid() and psutil.Process(server).ppid() == os.getpid()


@pytest.mark.parametrize(
    ("preload", "gpus", "platform"), [((), (), "linux"), (PRELOAD, ("0",), "linux"), (PRELOAD, (), "darwin")]
)
def test_elsewhere_and_with_gpus_they_are_spawned(monkeypatch, preload, gpus, platform):
    monkeypatch.setattr("monai_nlseg.jobs.local.sys.platform", platform)
    assert _context(preload, gpus).get_start_method() == "spawn"
