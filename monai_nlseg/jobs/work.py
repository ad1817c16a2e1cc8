"""The worker's side of the backends: load once, then do tasks, which a process of this machine gets by a connection."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psutil

from monai_nlseg.errors import sentence
from monai_nlseg.jobs.backend import Place, WorkerSpec
from monai_nlseg.jobs.events import Done, Ready, Refused, Starved
from monai_nlseg.jobs.refusal import RunRefused
from monai_nlseg.jobs.task import Task

_note: ContextVar[Callable[[bool], None]] = ContextVar("note", default=lambda begins: None)


@contextmanager
def reading() -> Iterator[None]:
    """Mark the time in which the task of this thread reads its inputs, which is limited even if the task is not."""
    note = _note.get()
    note(True)
    try:
        yield
    finally:
        note(False)


class Work:
    """What a worker does.

    Args:
        worker: number of the worker.
        note: called with the name of a task, and with True when the reading of its inputs begins and False when it
            ends.
    """

    def __init__(self, worker: int, note: Callable[[str, bool], None]) -> None:
        self._worker, self._note = worker, note

    def load(self, load: Callable[[Place], Any], place: Place) -> Ready | Starved | Refused:
        """Load what all tasks share, and return the outcome as an event.

        Args:
            load: returns the first argument of each task's call.
            place: what the worker may use.
        """
        try:
            self._loaded = load(place)
        except MemoryError as error:
            return Starved(self._worker, sentence(error))
        except Exception as error:
            return Refused(self._worker, sentence(error))
        return Ready(self._worker, psutil.Process().memory_info().rss)

    def do(self, task: Task) -> Done | Refused:
        """Do a task and return its outcome, whatever its call raises; may be called by several threads."""
        token = _note.set(lambda begins: self._note(task.name, begins))
        try:
            return Done(self._worker, task.name, task.call(self._loaded))
        except RunRefused as error:
            return Refused(self._worker, sentence(error))
        except BaseException as error:  # otherwise the dispatcher would wait for ever
            return Done(self._worker, task.name, error=sentence(error))
        finally:
            _note.reset(token)


@dataclass(frozen=True)
class Reading:
    """A message to the parent: the reading of a task's inputs begins or ends."""

    task: str
    begins: bool


def serve(
    connection: Connection, spec: WorkerSpec, worker: int, scratch: str, place: Place, environment: Mapping[str, str]
) -> None:
    """Do the tasks that come in through a connection, until None comes or the parent is gone.

    Args:
        connection: connection to the parent. In come tasks, out go :class:`Reading` and events.
        spec: description of the worker.
        worker: its number.
        scratch: folder for temporary files.
        place: place with the GPUs that CUDA, which is not initialized yet, is to see.
        environment: environment variables of the parent; a fork of a server that started earlier has other ones.
    """
    signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM}
    )  # as the parent does for a child that it spawns
    os.environ.clear()
    os.environ.update(environment)
    if place.gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(place.gpus)
    tempfile.tempdir = scratch  # for all code that makes temporary files here
    sending = threading.Lock()

    def send(message: Any) -> None:
        with sending:
            try:
                connection.send(message)
            except OSError:  # the parent is gone, and nobody waits for the results
                os._exit(1)

    def do(task: Task) -> None:
        done = work.do(task)
        try:
            send(done)
        except Exception as error:  # it cannot be pickled; otherwise the parent would wait for ever
            send(Done(worker, task.name, error=f"the result cannot be sent: {sentence(error)}"))

    work = Work(worker, lambda task, begins: send(Reading(task, begins)))
    loaded = work.load(spec.load, place)
    send(loaded)
    if not isinstance(loaded, Ready):
        return
    with ThreadPoolExecutor(spec.depth) as pool:
        while True:
            try:
                task = connection.recv()
            except (EOFError, OSError):
                os._exit(1)
            if task is None:
                return
            pool.submit(do, task)
