"""Limits of a worker and of its tasks, and a sentence for each that is exceeded."""

from __future__ import annotations

from dataclasses import dataclass, replace

from monai_nlseg.jobs.queue import DEATHS, Fault

LOAD_SECONDS = 1800.0
"""Time in which a worker has to load."""
READ_SECONDS = 1800.0
"""Time in which the inputs of a task have to be read, where the user sets no limit for a task."""


@dataclass(frozen=True)
class Limits:
    """What a worker and its tasks may take, and what they are called in sentences.

    Attributes:
        seconds: time for a task; None for no limit but that of reading its inputs.
        memory: memory of a worker in bytes; None for no limit.
        read_seconds: time to read the inputs of a task where ``seconds`` is None: a disk or network that does not
            answer must not hold up a run for ever.
        load_seconds: time in which a worker has to load.
        task: what a task is called, as in "the case".
        loaded: what a worker loads, as in "loaded the bundle".
    """

    seconds: float | None = None
    memory: int | None = None
    read_seconds: float = READ_SECONDS
    load_seconds: float = LOAD_SECONDS
    task: str = "task"
    loaded: str = "program"

    @property
    def reading(self) -> float:
        """Return the seconds in which the inputs of a task have to be read."""
        return self.read_seconds if self.seconds is None else self.seconds

    def load_fault(self) -> Fault:
        """Return the fault of a worker that hangs before it is ready."""
        return Fault(f"a worker did not load the {self.loaded} within {self.load_seconds:g} s")

    def reading_fault(self, task: str) -> Fault:
        """Return the fault of a worker that does not finish reading the inputs of ``task``."""
        if self.seconds is not None:
            return replace(self.time_fault(), task=task)
        text = (
            f"reading the {self.task} took more than {self.read_seconds:g} s: check the disk or network that its files "
            f"are on, give a longer limit for a {self.task}, or leave it out."
        )
        return Fault(text, 1, task)

    def time_fault(self) -> Fault:
        """Return the fault of a worker whose task took too long."""
        limit = f"its limit of {self.seconds:g} s"
        return Fault(f"the {self.task} took more than {limit}: raise the limit, or leave it out.", 1)

    def memory_fault(self) -> Fault:
        """Return the fault of a worker that took too much memory."""
        limit = f"its limit of {(self.memory or 0) / 1e9:.3g} GB"
        return Fault(f"the {self.task} took more memory than {limit}: raise the limit, or leave it out.", 1)

    def death(self, how: str, see: str, loading: bool, counts: bool) -> Fault:
        """Return the fault of a worker that ended.

        Args:
            how: how it ended, as in "a worker ended with exit code 1".
            see: where to find out more, as in "see the system's log".
            loading: whether it was not ready yet.
            counts: whether its tasks may be at fault.
        """
        if loading:
            text = f"{how} while it loaded the {self.loaded}"
        else:
            text = f"{how} while it held the {self.task}: {see}, or leave the {self.task} out."
        return Fault(text, DEATHS if counts else 0)

    def require_room(self, memory: int) -> None:
        """Refuse a limit that no task could keep, because each task would cost a worker.

        Args:
            memory: bytes that a worker takes before its first task.

        Raises:
            ValueError: if that is more than the limit.
        """
        if self.memory is not None and memory > self.memory:
            raise ValueError(
                f"a worker takes {memory / 1e9:.3g} GB with the {self.loaded} alone, more than the limit of "
                f"{self.memory / 1e9:.3g} GB: raise the limit."
            )
