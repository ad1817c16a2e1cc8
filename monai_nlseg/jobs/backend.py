"""The protocol of backends: one class that starts workers, hands them tasks and reports events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from monai_nlseg.jobs.events import Event
from monai_nlseg.jobs.limits import Limits
from monai_nlseg.jobs.task import Task


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Place:
    """Where a worker is.

    Attributes:
        gpus: names of the worker's GPUs, as in ``CUDA_VISIBLE_DEVICES``; empty for all that it sees.
        ended: called now and then by a task that waits for something; returns True if the worker is to end.
    """

    gpus: tuple[str, ...] = ()
    ended: Callable[[], bool] = _never


@dataclass(frozen=True)
class WorkerSpec:
    """Description of a worker, the same for every backend.

    Attributes:
        load: picklable; called once in each worker with its place, and returns the argument of the tasks' calls. A
            ``MemoryError`` costs the worker, which is replaced; any other error ends the run.
        limits: what a worker and its tasks may take.
        depth: number of tasks that a worker holds at a time, each in a thread of its own.
        preload: names of the modules that a worker imports; a backend may import them once for all its workers.
    """

    load: Callable[[Place], Any]
    limits: Limits = Limits()
    depth: int = 2
    preload: tuple[str, ...] = ()


class Backend(Protocol):
    """Workers of one kind, each known by its number from 0.

    Attributes:
        spec: description of each worker.
    """

    spec: WorkerSpec

    def start(self, worker: int) -> None:
        """Start a worker that is missing or was killed; return at once."""

    def submit(self, worker: int, task: Task) -> None:
        """Hand a task to a worker that is ready and holds fewer tasks than its depth; return at once."""

    def wait(self, seconds: float) -> Sequence[Event]:
        """Return the events since the last call, in order, as soon as there are any, or after ``seconds``.

        There are no events of a worker after it was killed.

        Raises:
            ValueError: if there is no worker, and none can be expected.
        """

    def kill(self, worker: int) -> None:
        """End a worker and its tasks, and remove its temporary files."""

    def close(self) -> None:
        """End all workers, remove their temporary files, and leave the cluster; a second call does nothing."""
