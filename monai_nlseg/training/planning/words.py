"""Numbers and lists in the sentences of a plan."""

from __future__ import annotations

from collections.abc import Sequence


def by(sizes: Sequence[float]) -> str:
    """Return sizes as people write them, such as "48 x 48 x 24".

    Args:
        sizes: one for each axis.
    """
    return " x ".join(f"{size:.3g}" if size != int(size) else f"{int(size)}" for size in sizes)


def counted(number: int, thing: str) -> str:
    """Return a number and its noun, which takes an s unless there is one.

    Args:
        number: how many.
        thing: the noun, such as "case".
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a duration as people say it.

    Args:
        seconds: the duration.
    """
    if seconds < 90:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def gigabytes(size: float) -> str:
    """Return a number of bytes in GB (10^9 bytes).

    Args:
        size: bytes.
    """
    return f"{size / 1e9:.1f} GB"
