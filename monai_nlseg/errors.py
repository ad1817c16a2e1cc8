"""Words for the sentences that users read: what an exception says, and lists that are cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["listed", "message", "root_cause", "sentence"]

MOST_LISTED = 5


def root_cause(error: BaseException) -> BaseException:
    """The first error of a chain: MONAI wraps what a config item or transform raises, once a level."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def sentence(error: BaseException) -> str:
    """What to tell the user: the first line of the root cause's message, and the next where a colon announces it."""
    return message(root_cause(error))


def message(cause: Any) -> str:
    """As :func:`sentence`, of the error itself, whatever caused it."""
    text = str(cause.args[0]) if isinstance(cause, KeyError) and cause.args else str(cause)
    lines = [line.strip() for line in text.strip().splitlines()]
    if not lines:
        return type(cause).__name__
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]


def listed(names: Sequence[object]) -> str:
    """Return the first five names as ``"a, b, c, d, e, ..."``."""
    return ", ".join(map(str, names[:MOST_LISTED])) + (", ..." if len(names) > MOST_LISTED else "")
