"""The line that a command prints about an error."""

from __future__ import annotations

import re

from monai_nlseg.errors import printable, root_cause, sentence

LONGEST = 390
"""Longest sentence that is printed, in characters."""
LONGEST_WORD = 80


def error_line(error: BaseException) -> str:
    """Return the sentence that a command prints about an error: in printable characters, and not too long.

    The errors of this package already are sentences; those of the system and of libraries are converted.
    """
    return _short(printable(_sentence(error)))


def _sentence(error: BaseException) -> str:
    text, cause = sentence(error), root_cause(error)
    if isinstance(cause, MemoryError) or "can't allocate memory" in text or "not enough memory" in text:
        return "there is not enough memory for this call: give smaller sizes, or use a machine with more memory."
    if isinstance(cause, RecursionError):
        return "the given files are nested too deeply: restore them."
    if isinstance(cause, OSError) and cause.strerror and cause.filename:
        reason = f"'{cause.filename}' cannot be read or written ({cause.strerror})"
        return f"{reason}: give another path, or make room there."
    if isinstance(cause, LookupError | AttributeError | TypeError | AssertionError | NotImplementedError):
        return f"an unexpected error occurred ({type(cause).__name__}: {text}): check the input, or report the call."
    return text


def _short(text: str) -> str:
    """Shorten long words, such as names of 5,000 letters, then cut the end."""
    if len(text) > LONGEST:
        text = re.sub(rf"\S{{{LONGEST_WORD},}}", lambda word: f"{word[0][:30]}...{word[0][-30:]}", text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
