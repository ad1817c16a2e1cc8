"""What the commands share: how they print, and how they read lists of numbers."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

__all__ = ["console", "numbers", "say"]

console = Console()


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
