"""Progress of the functions of this package, and lists of images in their errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Progress = Callable[[int, int], None]
"""Called with the number of images done and the number of all images."""


def silent(done: int, total: int) -> None:
    """Show no progress, whatever ``done`` and ``total`` are."""


def some(images: Sequence[object]) -> str:
    """Return the number of ``images`` and the names of the first five, as a phrase."""
    listed = ", ".join(map(str, images[:5]))
    return f"{len(images)} ({listed}{', ...' if len(images) > 5 else ''})" if images else "none"
