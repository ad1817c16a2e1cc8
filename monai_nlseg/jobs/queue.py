"""The tasks that wait for a worker, and what happens to those of a worker that was lost."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monai_nlseg.jobs.task import Task

DEATHS = 3
"""Number of workers that a task may end before it counts as at fault: the system ends some for other reasons."""


@dataclass(frozen=True)
class Fault:
    """Why a worker has to be replaced.

    Attributes:
        text: a sentence, for the outcome of a task that is at fault.
        times: after how many such losses a task that was alone in its worker is at fault; 0 for never, as when a node
            is lost.
        task: name of the task that is known to be at fault; None if that has to be found out.
    """

    text: str
    times: int = DEATHS
    task: str | None = None


class TaskQueue:
    """The tasks that wait for a worker.

    Tasks that lost their worker together wait to be alone in the next, so that the one at fault is found. What is known
    of a task by its name stays when it is put in again.

    Args:
        depth: number of tasks that a worker holds at a time.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._waiting = deque[Task]()
        self._alone = deque[Task]()
        self._losses = Counter[str]()
        self._faults = Counter[str]()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._alone)

    def put(self, tasks: Iterable[Task]) -> None:
        """Add tasks, in the order in which they are to begin."""
        self._waiting.extend(tasks)

    def clear(self) -> None:
        """Remove all tasks that wait."""
        self._waiting.clear()
        self._alone.clear()

    def deal(self, held: int, alone: bool) -> tuple[Task, bool] | None:
        """Take the next task for a worker.

        Args:
            held: number of tasks that the worker has.
            alone: whether the one that it has is to stay alone.

        Returns:
            The task, and whether it is to stay alone; None if the worker is to get none now.
        """
        if not held:
            alone = bool(self._alone)
        source = self._alone if alone else self._waiting
        if not source or held >= (1 if alone else self._depth):
            return None
        return source.popleft(), alone

    def attempt(self, name: str) -> int:
        """Return the number of the present attempt at a task, from 1.

        Args:
            name: name of the task.
        """
        return 1 + self._losses[name]

    def lost(self, tasks: Sequence[Task], fault: Fault) -> list[Task]:
        """Let the tasks of a worker that was lost wait again, except those at fault, which are returned."""
        if fault.task is not None:
            blamed = [task for task in tasks if task.name == fault.task]
        else:
            self._faults.update(task.name for task in tasks if fault.times)
            alone = len(tasks) == 1 and fault.times > 0
            blamed = [task for task in tasks if alone and self._faults[task.name] >= fault.times]
        again = [task for task in tasks if task not in blamed]
        self._losses.update(task.name for task in again)
        if fault.task is not None:
            self._waiting.extendleft(again)
        else:
            self._alone.extend(again)
        return blamed
