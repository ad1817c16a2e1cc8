"""What the commands share: how they print and show progress, and how they read options."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.text import Text

__all__ = [
    "INTERRUPTED",
    "SOME_FAILED",
    "chosen_device",
    "console",
    "interruptible",
    "numbers",
    "progress_bar",
    "say",
    "wide_console",
]

console = Console()

SOME_FAILED, INTERRUPTED = 3, 130
"""Exit codes of commands that do many things."""


def say(line: str) -> None:
    """Print a line as it is."""
    # As Text, for Rich reads [name] in a string as markup, and paths may hold that.
    console.print(Text(line), soft_wrap=True)


def numbers(option: str, text: str) -> list[int]:
    """Whole numbers of an option's comma separated text.

    Raises:
        ValueError: if there is anything else in it.
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--{option} '{text}' is not a list of whole numbers: give one such as 8,16.") from None


def wide_console() -> Console:
    """A table in a file or a pipe is not cut to 80 columns."""
    return console if console.is_terminal else Console(width=140)


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, and what moves it: (done, total)."""
    from rich.progress import Progress

    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(bar, completed=done, total=total)


def chosen_device() -> str:
    """The GPU where there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def interruptible(ending: str) -> Iterator[Callable[[], bool]]:
    """Whether an interrupt or a request to end has come, which is answered by saying ``ending``; a second one is
    raised."""
    come = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal come
        if come:
            raise KeyboardInterrupt
        come = True
        say(f"{ending}; once more to end at once")

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: come
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
