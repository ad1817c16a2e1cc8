"""The events that a backend reports about its workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """Something that happened to a worker.

    Attributes:
        worker: its number.
    """

    worker: int


@dataclass(frozen=True)
class Placed(Event):
    """The worker has found room, and begins to load."""


@dataclass(frozen=True)
class Ready(Event):
    """The worker has loaded, and takes tasks.

    Attributes:
        memory: its resident memory in bytes; 0 if that is not known.
    """

    memory: int = 0


@dataclass(frozen=True)
class Done(Event):
    """A task has ended.

    Attributes:
        task: its name.
        result: what its call returned.
        error: the error that the call raised, as a sentence; None if it returned.
    """

    task: str
    result: Any = None
    error: str | None = None


@dataclass(frozen=True)
class Stuck(Event):
    """Reading the inputs of a task has taken longer than it may.

    Attributes:
        task: its name.
    """

    task: str


@dataclass(frozen=True)
class Outgrown(Event):
    """The worker has taken more memory than it may."""


@dataclass(frozen=True)
class Starved(Event):
    """The worker found too little memory to load in; another one may find more.

    Attributes:
        reason: a sentence.
    """

    reason: str


@dataclass(frozen=True)
class Died(Event):
    """The worker has ended by itself, or was killed by others.

    Attributes:
        how: how it ended, as in "a worker ended with exit code 1".
        see: where to find out more, as in "see the system's log".
        counts: whether its tasks may be at fault, which they are not if a whole machine was lost.
    """

    how: str
    see: str
    counts: bool = True


@dataclass(frozen=True)
class Refused(Event):
    """The whole run cannot go on.

    Attributes:
        reason: a sentence.
    """

    reason: str
