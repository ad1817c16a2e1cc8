"""One worker in a process of its own, and what the parent knows of it."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

import psutil
import torch

from monai_nlseg.cohort.bundle_identity import BundleIdentity
from monai_nlseg.cohort.cases import Case
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.cohort.plan import WorkerPlan
from monai_nlseg.cohort.records import Record
from monai_nlseg.cohort.worker import Worker
from monai_nlseg.errors import sentence

__all__ = ["DEPTH", "WorkerProcess", "memory_fault", "time_fault"]

DEPTH = 2
"""Cases in a worker: one in the network, one that is read or written meanwhile."""


class WorkerProcess:
    """A worker seen from its parent.

    Args:
        options: of the run.
        identity: of the bundle.
        scratch: folder in which it has one for its temporary files.
        index: of the worker, and of its GPU.
        threads: of PyTorch.
        batch: windows at a time; None for as many as the bundle says.
    """

    def __init__(
        self,
        options: RunOptions,
        identity: BundleIdentity,
        scratch: str,
        *,
        index: int,
        threads: int,
        batch: int | None,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.options = options
        self.index = index
        self.flying: dict[str, Case] = {}
        self.connection, theirs = context.Pipe()
        self._scratch = tempfile.mkdtemp(dir=scratch)
        self._process = context.Process(
            target=_serve, args=(theirs, options, identity, self._scratch, index, threads, batch), daemon=True
        )
        # The parent decides what an interrupt means; a child inherits what is blocked.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        theirs.close()
        self._depth = DEPTH
        self._ready = False
        self._ended = False
        self._since = time.monotonic()

    @property
    def died(self) -> bool:
        """Whether the process has ended by itself, or been ended by the system."""
        return self._ended

    def settle(self, threads: int, batch: int | None) -> None:
        """Set the threads and the windows at a time."""
        self._send("settle", (threads, batch))

    def plan(self, case: Case) -> WorkerPlan | None:
        """Plan for cases such as this one; None if it cannot be read, or ends its worker, which then holds it.

        Raises:
            ValueError: if the bundle cannot be loaded, or takes more memory than the limit by itself.
        """
        self.flying[case.name] = case
        self._since = time.monotonic()
        self._send("plan", case)
        while self.fault() is None:
            self.connection.poll(0.2)
            if (message := self._received()) is not None and message[0] == "planned":
                del self.flying[case.name]
                found: WorkerPlan | None = message[1]
                return found
        return None

    def fill(self, waiting: deque[Case], alone: deque[Case], stopped: bool) -> None:
        """Send cases until :data:`DEPTH` are there; one of ``alone`` only when none is, and nothing beside it."""
        while not stopped and len(self.flying) < self._depth:
            if not self.flying and alone:
                self._depth, case = 1, alone.popleft()
            elif waiting and (not self.flying or self._depth > 1):
                self._depth, case = DEPTH, waiting.popleft()
            else:
                return
            if not self.flying:
                self._since = time.monotonic()
            self.flying[case.name] = case
            self._send("case", case)

    def records(self) -> Iterator[Record]:
        """Those that have come.

        Raises:
            ValueError: if the bundle cannot be loaded, or the output folder cannot be written.
        """
        while (message := self._received()) is not None:
            if message[0] == "record":
                self.flying.pop(message[1]["case"], None)
                self._since = time.monotonic()
                yield message[1]

    def fault(self) -> str | None:
        """Why the worker has to be replaced, in a sentence.

        Raises:
            ValueError: if it died before it had loaded the bundle.
        """
        if self._ended:
            if not self._ready:
                raise ValueError(self._died())
            return f"{self._died()} while it held the case: see the system's log, or leave the case out."
        if not self.flying or not self._ready:
            return None
        seconds, memory = self.options.seconds, self.options.memory
        if seconds is not None and time.monotonic() - self._since > seconds:
            return time_fault(seconds)
        if memory is not None and self._resident() > memory:
            return memory_fault(memory)
        return None

    def stop(self) -> list[Case]:
        """End the worker and return the cases that it held."""
        if self._process.is_alive() and self._ready and not self.flying:
            self._send("end", None)
            self._process.join(5)
        self._process.kill()
        self._process.join()
        self.connection.close()
        shutil.rmtree(self._scratch, ignore_errors=True)
        return list(self.flying.values())

    def _send(self, kind: str, content: Any) -> None:
        try:
            self.connection.send((kind, content))
        except OSError:  # it died; fault() will tell
            return

    def _received(self) -> tuple[str, Any] | None:
        try:
            if not self.connection.poll():
                return None
            message: tuple[str, Any] = self.connection.recv()
        except (EOFError, OSError):
            self._ended = True  # and all that it sent has been read
            return None
        if message[0] == "unusable":
            raise ValueError(message[1])
        if message[0] == "ready":
            self._ready = True
            self._since = time.monotonic()
            self._check_limit()
        return message

    def _check_limit(self) -> None:
        """Refuse a limit that no case could keep, for each would cost a worker."""
        memory, held = self.options.memory, self._resident()
        if memory is not None and held > memory:
            raise ValueError(
                f"a worker takes {held / 1e9:.3g} GB with the bundle alone, more than the limit of {memory / 1e9:.3g} "
                "GB: raise the limit."
            )

    def _died(self) -> str:
        self._process.join(5)
        when = "" if self._ready else " while it loaded the bundle"
        return f"a worker ended with exit code {self._process.exitcode}{when}"

    def _resident(self) -> int:
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss)
        except psutil.Error:
            return 0


def time_fault(seconds: float) -> str:
    """Of a case that took too long."""
    return f"the case took more than its limit of {seconds:g} s: raise the limit, or leave it out."


def memory_fault(limit: int) -> str:
    """Of a case that took too much."""
    return f"the case took more memory than its limit of {limit / 1e9:.3g} GB: raise the limit, or leave it out."


def _serve(
    connection: Connection,
    options: RunOptions,
    identity: BundleIdentity,
    scratch: str,
    index: int,
    threads: int,
    batch: int | None,
) -> None:
    """The worker's side: messages come in, ("record", record) and others go out."""
    _choose_gpu(index)
    tempfile.tempdir = scratch  # whoever makes temporary files here
    sending = threading.Lock()

    def send(kind: str, content: Any) -> None:
        with sending:
            try:
                connection.send((kind, content))
            except OSError:  # the parent is gone, and what is in flight is nobody's
                os._exit(1)

    def process(case: Case) -> None:
        try:
            send("record", worker.process(case))
        except BaseException as error:  # else nobody would hear of it, and the parent wait for ever
            send("unusable", sentence(error))

    try:
        worker = Worker(options, identity)
        worker.settle(threads, batch)
    except Exception as error:
        send("unusable", sentence(error))
        return
    send("ready", None)
    with ThreadPoolExecutor(DEPTH) as pool:
        while True:
            try:
                kind, content = connection.recv()
            except (EOFError, OSError):
                os._exit(1)
            if kind == "case":
                pool.submit(process, content)
            elif kind == "plan":
                send("planned", _planned(worker, content, batch))
            elif kind == "settle":
                threads, batch = content
                worker.settle(threads, batch)
            else:
                return


def _choose_gpu(index: int) -> None:
    """Let CUDA, which has not begun yet, see one GPU only: bundles ask for the first."""
    count = torch.cuda.device_count()
    if count > 1:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(count)))
        os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[index % count]


def _planned(worker: Worker, case: Case, batch: int | None) -> WorkerPlan | None:
    try:
        return worker.plan(case, batch)
    except Exception:  # processing the case will say what is wrong with it
        return None
