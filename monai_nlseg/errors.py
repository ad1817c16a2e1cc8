"""Sentences for users, made from exceptions, and lists and texts that are safe to print."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Sequence

MOST_LISTED = 5
PACKAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")
RAISED = re.compile(
    r'^ *File "(.+)", line \d+.*\n(?:(?! *File ") .*\n)*[A-Za-z_][\w.]*: (.+(?:\n(?!""").+)*)', flags=re.MULTILINE
)
"""In a traceback as text: the file of the last frame, and the message."""


def root_cause(error: BaseException) -> BaseException:
    """Return the error in a chain of causes that explains the failure.

    This is the outermost error that this package has raised, because its message is a sentence for the user, or else
    the original cause: MONAI wraps an error of a config item or a transform once at each level. Of weights that
    ``torch.save`` cannot write to an open file, it is the error of the file.

    Args:
        error: last error of the chain.
    """
    chain = [error]
    while (cause := _cause(chain[-1])) is not None and cause not in chain:
        chain.append(cause)
    return next(filter(_is_ours, chain), chain[-1])


def _cause(error: BaseException) -> BaseException | None:
    # PyTorch's writer of archives fails again while it closes a file that could not be written.
    if error.__cause__ is None and isinstance(error.__context__, OSError) and "inline_container" in str(error):
        return error.__context__
    return error.__cause__


def sentence(error: BaseException) -> str:
    """Return the line that explains an error to the user: the :func:`message` of its :func:`root_cause`.

    Args:
        error: last error of a chain of causes.
    """
    return message(root_cause(error))


def message(cause: BaseException) -> str:
    """Return the message of an error in one line, without looking at its causes.

    Messages of this package are returned completely. Other messages are reduced to their first line, and the next one
    if the first ends with a colon. If another process or one of MONAI's readers has left only tracebacks as text, the
    message is searched in them.

    Args:
        cause: the error.
    """
    text = str(cause.args[0]) if isinstance(cause, KeyError) and cause.args else str(cause)
    whole = isinstance(cause, ValueError) and _is_ours(cause)
    if not whole and (raised := RAISED.findall(text)):
        ours = [said for file, said in raised if file.startswith(PACKAGE)]
        text = ours[-1] if ours else raised[0][1]
        whole = bool(ours)
    lines = [line.strip() for line in text.strip().splitlines()]
    if not lines:
        return type(cause).__name__
    return " ".join(lines if whole else lines[:2] if lines[0].endswith(":") else lines[:1])


def _is_ours(error: BaseException) -> bool:
    """Return whether this package has raised an error, or has created it without raising it yet."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return not frames or frames[-1].f_code.co_filename.startswith(PACKAGE)


def listed(names: Sequence[object]) -> str:
    """Return the first five names as ``"a, b, c, d, e, ..."``.

    Args:
        names: names or other values.
    """
    return ", ".join(map(str, names[:MOST_LISTED])) + (", ..." if len(names) > MOST_LISTED else "")


def printable(text: object) -> str:
    """Return text in one line without control characters, which are replaced by their escape codes.

    Args:
        text: text or another value.
    """
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(text))
