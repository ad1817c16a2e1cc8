"""A task, and its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Task:
    """A piece of work for a worker.

    Attributes:
        name: name that no other task of the run has.
        call: what to do, given what the worker has loaded; both it and what it returns can be pickled.
    """

    name: str
    call: Callable[[Any], Any]


@dataclass(frozen=True)
class Outcome:
    """Outcome of a task.

    Attributes:
        name: name of the task.
        result: what its call returned.
        error: why there is no result, in a sentence; None if there is one.
        attempt: number of this attempt, from 1; a task is tried again when its worker was lost.
    """

    name: str
    result: Any = None
    error: str | None = None
    attempt: int = 1
