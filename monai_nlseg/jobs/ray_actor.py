"""The worker's side of a run on Ray."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psutil

from monai_nlseg.jobs.backend import Place, WorkerSpec
from monai_nlseg.jobs.events import Done, Event, Outgrown, Ready, Refused, Starved, Stuck
from monai_nlseg.jobs.task import Task
from monai_nlseg.jobs.work import Work
from monai_nlseg.temporary import held_folder, remove_abandoned

TICK = 0.2
"""Seconds between two checks of the limits."""


class Actor:
    """A process on some node of the cluster, which loads and then does tasks.

    Args:
        worker: its number.
        spec: description of the worker.
    """

    def __init__(self, worker: int, spec: WorkerSpec) -> None:
        self._worker, self._spec = worker, spec
        self._reading: dict[str, float] = {}
        self._scratch = ExitStack()
        self._work = Work(worker, self._note)

    def place(self) -> tuple[str, str, str]:
        """Make a temporary folder for what is staged here, and remove those of actors that were killed.

        Returns:
            Ray's id and the name of the node, and the folder.
        """
        import ray  # whose process this is

        remove_abandoned()
        folder = str(self._scratch.enter_context(held_folder()))
        tempfile.tempdir = folder
        return ray.get_runtime_context().get_node_id(), socket.gethostname(), folder

    def load(self, token: Path | None) -> Ready | Starved | Refused:
        """Load what tasks need, and return the outcome as an event.

        Args:
            token: path from :func:`shared_token`, as the driver sees it; None to look for none.
        """
        if token is not None and not _is_shared(token):
            folder = token.parent.parent
            reason = (
                f"'{folder}' on node '{socket.gethostname()}' is not the folder of the run, or cannot be written to: "
                "give an output folder on storage that all nodes share under one path."
            )
            return Refused(self._worker, reason)
        loaded = self._work.load(self._spec.load, Place())
        if isinstance(loaded, Ready):
            return loaded
        return replace(loaded, reason=f"node '{socket.gethostname()}': {loaded.reason}")

    def do(self, task: Task) -> Done | Refused:
        """Do a task and return its outcome."""
        return self._work.do(task)

    def watch(self) -> Event:
        """Wait until reading a task's inputs takes too long or memory exceeds its limit, and return which."""
        limits, process = self._spec.limits, psutil.Process()
        while True:
            for task, since in list(self._reading.items()):
                if time.monotonic() - since > limits.reading:
                    return Stuck(self._worker, task)
            if limits.memory is not None and process.memory_info().rss > limits.memory:
                return Outgrown(self._worker)
            time.sleep(TICK)

    def leave(self) -> None:
        """Remove the temporary folder, at the end of the actor's life."""
        self._scratch.close()

    def _note(self, task: str, begins: bool) -> None:
        if begins:
            self._reading[task] = time.monotonic()
        else:
            self._reading.pop(task, None)


def _is_shared(token: Path) -> bool:
    """Return whether this node sees the driver's output folder, and may write to it."""
    return token.is_file() and os.access(token.parent.parent, os.W_OK)


@contextmanager
def shared_token(output: Path) -> Iterator[Path]:
    """Keep a file with a unique name in ``output/.nlseg``: a node that sees it has the same folder."""
    token = output.absolute() / ".nlseg" / f"shared-{uuid4().hex}"
    token.parent.mkdir(parents=True, exist_ok=True)
    token.touch()
    try:
        yield token
    finally:
        token.unlink(missing_ok=True)
