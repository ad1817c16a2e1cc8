"""The progress of `nlseg train` on a terminal or in lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from monai_nlseg.cli.console import console, say

if TYPE_CHECKING:
    from monai_nlseg.training import Progress as Step

BETWEEN_LINES = 60.0
"""Seconds between two lines about the same stage, where the output is no terminal."""


@contextmanager
def training_progress() -> Iterator[Callable[[Step], None]]:
    """Show a bar for each fold on a terminal, or print a line from time to time.

    Yields:
        Function that takes the progress of :func:`monai_nlseg.training.train`.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[about]}"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        yield _Bars(bars).show if console.is_terminal else _Lines().show


class _Bars:
    """A bar for each fold and stage."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def show(self, step: Step) -> None:
        """Update the bar of a stage."""
        if step.stage == "note":
            say(step.text)
            return
        name = _name(step)
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=step.total, about="")
        self._bars.update(self._tasks[name], completed=step.done, total=step.total, about=_about(step))


class _Lines:
    """Lines about stages that begin or end, about new scores, and else one a minute."""

    def __init__(self) -> None:
        self._last: tuple[str, float | None] | None = None
        self._said = 0.0

    def show(self, step: Step) -> None:
        """Print a line if there is something to say."""
        if step.stage == "note":
            say(step.text)
            return
        state, now = (_name(step), step.dice), time.monotonic()
        if state != self._last or step.done == step.total or now - self._said > BETWEEN_LINES:
            self._last, self._said = state, now
            about = _about(step)
            say(f"{_name(step)}: {step.done} of {step.total}{f', {about}' if about else ''}")


def _name(step: Step) -> str:
    what = {"training": "training", "predicting": "segmenting", "measuring": "measuring", "done": "done"}[step.stage]
    return what if step.fold is None else f"fold {step.fold}: {what}"


def _about(step: Step) -> str:
    parts = []
    if step.loss is not None:
        parts.append(f"loss {step.loss:.3f}")
    if step.dice is not None:
        parts.append(f"validation Dice {step.dice:.3f}")
    if step.seconds_left is not None and step.done < step.total:
        parts.append(f"{_duration(step.seconds_left)} left")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
