"""A worker's side of a run on Ray."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import psutil

from monai_nlseg.cohort.cases import Case
from monai_nlseg.cohort.records import Record
from monai_nlseg.errors import sentence

__all__ = ["Actor", "CaseWorker", "require_shared", "shared_token"]

TICK = 0.2
"""Seconds between two looks at the memory."""


class CaseWorker(Protocol):
    """A loaded bundle. :meth:`process` is called by two threads at a time, and raises nothing for a case."""

    def process(self, case: Case) -> Record:
        """Infer a case, write its outputs and return its record."""


class Actor:
    """A process on some node of the cluster, which loads the bundle and then processes cases."""

    def load(self, make_worker: Callable[[int], CaseWorker], token: Path | None, threads: int) -> tuple[str, str]:
        """Make the worker.

        Args:
            make_worker: loads the bundle; told the threads of its network.
            token: of :func:`shared_token`, as the driver sees it; None to look for none.
            threads: as many as the actor has CPUs.

        Returns:
            Ray's id and the name of the node.

        Raises:
            ValueError: if the node does not share the output folder or the bundle cannot be loaded.
        """
        host = socket.gethostname()
        if token is not None:
            require_shared(token)
        try:
            self.worker = make_worker(threads)
        except Exception as error:  # whose class another process may not know
            raise ValueError(f"node '{host}': {sentence(error)}") from None
        import ray  # whose process this is

        return ray.get_runtime_context().get_node_id(), host

    def process(self, case: Case) -> Record:
        """The record of a case."""
        return self.worker.process(case)

    def outgrown(self, memory: int) -> None:
        """Return when the process takes more than ``memory`` bytes."""
        process = psutil.Process()
        while process.memory_info().rss <= memory:
            time.sleep(TICK)


def require_shared(token: Path) -> None:
    """Refuse, on a node, an output folder that is not the driver's.

    Args:
        token: of :func:`shared_token`, as the driver sees it.

    Raises:
        ValueError: if it is not there, or the folder cannot be written to.
    """
    folder = token.parent.parent
    if not (token.is_file() and os.access(folder, os.W_OK)):
        raise ValueError(
            f"'{folder}' on node '{socket.gethostname()}' is not the folder of the run, or cannot be written to: give "
            "an output folder on storage that all nodes share under one path."
        )


@contextmanager
def shared_token(output: Path) -> Iterator[Path]:
    """A file with a name of its own in ``output/.nlseg``: a node that sees it has the same folder."""
    token = output.absolute() / ".nlseg" / f"shared-{uuid4().hex}"
    token.parent.mkdir(parents=True, exist_ok=True)
    token.touch()
    try:
        yield token
    finally:
        token.unlink(missing_ok=True)
