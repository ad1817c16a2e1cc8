"""Helpers that the commands share, to print, to show progress and to read options."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.text import Text

console = Console()

SOME_FAILED, INTERRUPTED = 3, 130
"""Exit codes of commands that process several cases or runs."""


def say(line: str) -> None:
    """Print a line as it is."""
    # As Text, because Rich interprets [name] in a string as markup, and paths can contain that.
    console.print(Text(line), soft_wrap=True)


def numbers(option: str, text: str) -> list[int]:
    """Return the whole numbers in an option's comma-separated text.

    Args:
        option: name of the option, for the error message.
        text: text of the option.

    Raises:
        ValueError: if the text contains anything else.
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        given = text if len(text) <= 60 else f"{text[:60]}..."
        raise ValueError(f"--{option} '{given}' is not a list of whole numbers: give one such as 8,16.") from None


def wide_console() -> Console:
    """Return a console that does not cut tables to 80 columns if the output is a file or a pipe."""
    return console if console.is_terminal else Console(width=140)


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal.

    Args:
        title: text before the bar.

    Yields:
        Function of the number done and the total, which updates the bar.
    """
    from rich.progress import Progress

    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(bar, completed=done, total=total)


def chosen_device() -> str:
    """Return "cuda" if there is a GPU, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def interruptible(ending: str) -> Iterator[Callable[[], bool]]:
    """Handle the first interrupt or request to end, and raise ``KeyboardInterrupt`` at the second.

    Args:
        ending: text to print at the first signal.

    Yields:
        Function that returns whether a signal has come.
    """
    come = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal come
        if come:
            raise KeyboardInterrupt
        come = True
        say(f"{ending}; interrupt again to end at once")

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: come
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
