"""Workers that are processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext

import psutil

from monai_nlseg.jobs.backend import Place, WorkerSpec
from monai_nlseg.jobs.events import Died, Done, Event, Outgrown, Placed, Ready, Stuck
from monai_nlseg.jobs.gpus import gpus_of, visible_gpus
from monai_nlseg.jobs.limits import Limits
from monai_nlseg.jobs.task import Task
from monai_nlseg.jobs.work import Reading, serve
from monai_nlseg.temporary import held_folder, remove_abandoned

LEAVE_SECONDS = 5.0
"""Time in which a worker that holds nothing ends by itself."""
END_SECONDS = 10.0
"""Time in which a killed process is gone, unless the system keeps it waiting for a disk."""


class LocalBackend:
    """Workers that are processes of this machine.

    Each sees one GPU, if there are any.

    Args:
        spec: description of each worker.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        self.spec = spec
        self._gpus = visible_gpus()
        self._context = _context(spec.preload, self._gpus)
        self._workers: dict[int, _Process] = {}
        self._placed: list[Event] = []
        self._stack = ExitStack()
        remove_abandoned()
        self._scratch = self._stack.enter_context(held_folder())

    def start(self, worker: int) -> None:
        """Start a process for a worker; return before it has loaded.

        Args:
            worker: number of the worker, which must have no process.
        """
        place = Place(gpus_of(worker, self._gpus, 1))
        scratch = tempfile.mkdtemp(dir=self._scratch)
        self._workers[worker] = _Process(self._context, self.spec, worker, scratch, place)
        self._placed.append(Placed(worker))

    def submit(self, worker: int, task: Task) -> None:
        """Send a task to the process of a worker.

        Args:
            worker: number of the worker.
            task: task to run.
        """
        self._workers[worker].submit(task)

    def wait(self, seconds: float) -> list[Event]:
        """Return the events of all processes.

        Args:
            seconds: longest time to wait for the first event.
        """
        events, self._placed = self._placed, []
        wait([process.connection for process in self._workers.values()], 0 if events else seconds)
        for process in self._workers.values():
            events += process.events()
        return events

    def kill(self, worker: int) -> None:
        """Kill the process of a worker, and remove its temporary files.

        Args:
            worker: number of the worker.
        """
        self._workers.pop(worker).end()

    def close(self) -> None:
        """End all processes, and remove the temporary folder that they share."""
        for process in self._workers.values():
            process.leave()
        for worker in list(self._workers):
            self.kill(worker)
        self._stack.close()


def _context(preload: Sequence[str], gpus: Sequence[str]) -> BaseContext:
    """Return the context that starts processes: forks of a server that has imported the modules, or new interpreters.

    CUDA does not work in a fork of a process that has used it, and libraries of macOS may not work in any fork.
    """
    if not preload or gpus or sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return context


class _Process:
    """A worker seen from its parent."""

    def __init__(self, context: BaseContext, spec: WorkerSpec, worker: int, scratch: str, place: Place) -> None:
        self.connection, theirs = context.Pipe()
        self._limits: Limits = spec.limits
        self._worker, self._scratch = worker, scratch
        given = (theirs, spec, worker, scratch, place, dict(os.environ))
        self._process = context.Process(target=serve, args=given, daemon=True)  # type: ignore[attr-defined]
        # The parent decides what an interrupt means; a child inherits the blocked signals.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        theirs.close()
        self._ready, self._leaving, self._ended = False, False, False
        self._held: set[str] = set()
        self._reading: dict[str, float] = {}

    def submit(self, task: Task) -> None:
        """Send a task to the process, and count it as held."""
        self._held.add(task.name)
        self._send(task)

    def events(self) -> Iterator[Event]:
        """Yield what the process has said, and then what is wrong with it."""
        while (message := self._received()) is not None:
            if isinstance(message, Reading):
                self._note(message)
                continue
            self._ready = self._ready or isinstance(message, Ready)
            if isinstance(message, Done):
                self._held.discard(message.task)
                self._reading.pop(message.task, None)
            yield message
        if self._ended:
            self._process.join(END_SECONDS)
            how = f"a worker ended with exit code {self._process.exitcode}"
            yield Died(self._worker, how, "see the system's log")
            return
        now = time.monotonic()
        for task, since in self._reading.items():
            if now - since > self._limits.reading:
                yield Stuck(self._worker, task)
        if self._held and self._limits.memory is not None and self._resident() > self._limits.memory:
            yield Outgrown(self._worker)

    def leave(self) -> None:
        """Ask a process that holds nothing to end."""
        if self._ready and not self._held:
            self._leaving = True
            self._send(None)

    def end(self) -> None:
        """Kill the process, unless it has been asked to leave and does so, and remove its temporary files."""
        if self._leaving:
            self._process.join(LEAVE_SECONDS)
        self._process.kill()
        self._process.join(END_SECONDS)
        self.connection.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _send(self, message: Task | None) -> None:
        try:
            self.connection.send(message)
        except OSError:  # it died, which events() reports
            return

    def _received(self) -> Event | Reading | None:
        try:
            if not self.connection.poll():
                return None
            message: Event | Reading = self.connection.recv()
            return message
        except (EOFError, OSError):
            self._ended = True  # and all that it sent has been read
            return None

    def _note(self, message: Reading) -> None:
        if message.begins:
            self._reading[message.task] = time.monotonic()
        else:
            self._reading.pop(message.task, None)

    def _resident(self) -> int:
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss)
        except psutil.Error:
            return 0
