"""Workers as processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection, wait
from typing import Any

import psutil
import torch

from monai_nlseg.cohort.cases import Case
from monai_nlseg.cohort.manifest import Record
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.errors import sentence

__all__ = ["run_local"]

DEPTH = 2
"""Cases in a worker: one in the network, one that is read or written meanwhile."""
TICK = 0.2
"""Seconds between two looks at the limits."""


def run_local(
    cases: Sequence[Case], options: RunOptions, workers: int = 1, stopped: Callable[[], bool] = lambda: False
) -> Iterator[Record]:
    """Process cases in ``workers`` processes and yield a record of each as it ends.

    A worker that dies or passes a limit is replaced. If it held two cases, each is tried again alone, so that the one
    at fault is known.

    Args:
        cases: in the order in which they are begun.
        options: of the run.
        workers: number of processes; each loads the bundle once.
        stopped: asked before a case is begun; True lets those in flight end and begins no other.

    Raises:
        ValueError: if a worker cannot load the bundle.
    """
    waiting, alone = deque(cases), deque[Case]()
    pool = [_Process(options, workers) for _ in range(min(workers, len(cases)))]
    try:
        while True:
            for process in pool:
                process.fill(waiting, alone, stopped())
            if not any(process.flying for process in pool):
                return
            wait([process.connection for process in pool], timeout=TICK)
            for index, process in enumerate(pool):
                yield from process.received()
                fault = process.fault()
                if fault is None:
                    continue
                lost = process.stop()
                if len(lost) == 1:
                    yield {"case": lost[0].name, "status": "failed", "error": fault}
                else:
                    alone.extend(lost)
                pool[index] = _Process(options, workers)
    finally:
        for process in pool:
            process.stop()


class _Process:
    """One worker seen from the parent."""

    def __init__(self, options: RunOptions, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.options = options
        self.connection, theirs = context.Pipe()
        threads = max(1, (os.cpu_count() or 1) // workers)
        self.process = context.Process(target=_serve, args=(theirs, options, threads), daemon=True)
        self.process.start()
        theirs.close()
        self.flying: dict[str, Case] = {}
        self.depth = DEPTH
        self.since: float | None = None

    def fill(self, waiting: deque[Case], alone: deque[Case], stopped: bool) -> None:
        """Send cases until ``DEPTH`` are there; one of ``alone`` only to a worker that has none, and nothing to it then."""
        while not stopped and len(self.flying) < self.depth:
            if not self.flying and alone:
                self.depth = 1
                case = alone.popleft()
            elif waiting:
                self.depth = DEPTH
                case = waiting.popleft()
            else:
                return
            self.flying[case.name] = case
            self.connection.send(case)

    def received(self) -> Iterator[Record]:
        """The records that have come."""
        while not self.connection.closed and self.connection.poll():
            try:
                kind, content = self.connection.recv()
            except EOFError:
                return
            if kind == "unusable":
                raise ValueError(content)
            self.since = time.monotonic()
            if kind == "record":
                self.flying.pop(content["case"])
                yield content

    def fault(self) -> str | None:
        """Why the worker has to be replaced."""
        if not self.flying:
            return None
        if not self.process.is_alive():
            return f"the worker ended with exit code {self.process.exitcode} while it held the case: see the system's log."
        seconds, memory = self.options.seconds, self.options.memory
        if seconds is not None and self.since is not None and time.monotonic() - self.since > seconds:
            return f"the case took more than its limit of {seconds:g} s: raise the limit, or leave it out."
        if memory is not None and psutil.Process(self.process.pid).memory_info().rss > memory:
            return f"the case took more than the limit of {memory / 2**30:.1f} GiB: raise the limit, or leave it out."
        return None

    def stop(self) -> list[Case]:
        """End the worker and return the cases it held."""
        if self.process.is_alive() and not self.flying:
            self.connection.send(None)
            self.process.join(10)
        self.process.kill()
        self.process.join()
        self.connection.close()
        return list(self.flying.values())


def _serve(connection: Connection, options: RunOptions, threads: int) -> None:
    """The worker's side: cases come in, ("record", record) goes out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    torch.set_num_threads(threads)
    sending = threading.Lock()

    def send(kind: str, content: Any) -> None:
        with sending:
            connection.send((kind, content))

    from monai_nlseg.cohort.worker import Worker

    try:
        worker = Worker(options)
    except Exception as error:
        send("unusable", sentence(error))
        return
    send("ready", None)
    with ThreadPoolExecutor(DEPTH) as threads_of_cases:
        while (case := connection.recv()) is not None:
            threads_of_cases.submit(lambda case=case: send("record", worker.process(case)))
