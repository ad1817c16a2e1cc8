"""Explanations of a workflow's errors, which say what a user can do about them."""

from __future__ import annotations

import re
from pathlib import Path

from monai_nlseg.errors import root_cause
from monai_nlseg.io.pictures import PictureError


class LoadError(ValueError):
    """A file that a bundle cannot load; the message says which, why and what to do."""


class CheckpointError(LoadError):
    """A checkpoint whose content is damaged or does not fit.

    Args:
        message: what is wrong with which file, and what to do.
        path: the file.
        reason: only what is wrong, for brackets in another sentence.
    """

    def __init__(self, message: str, path: str | Path = "", reason: str = "") -> None:
        super().__init__(message)
        self.path = Path(path)
        self.reason = reason


def explained(error: BaseException) -> ValueError | None:
    """Return what a user can do about the error of a workflow, or None if it is of no known kind.

    Args:
        error: what the workflow raised, which MONAI may have wrapped.
    """
    cause = root_cause(error)
    return cause if isinstance(cause, LoadError | PictureError) else _file_error(cause)


def unusable_checkpoint(error: BaseException) -> Path | None:
    """Return the checkpoint whose content made a workflow fail, or None for another error.

    Args:
        error: what the workflow raised, which MONAI may have wrapped.
    """
    cause = root_cause(error)
    return cause.path if isinstance(cause, CheckpointError) else None


def _file_error(cause: BaseException) -> ValueError | None:
    """Return which file the system refuses and why, also where ``SaveImage`` asks for other writers instead."""
    advice = "give another path, or make room for it there"
    if isinstance(cause, OSError) and cause.filename:
        return ValueError(f"'{cause.filename}' cannot be read or written ({cause.strerror}): {advice}.")
    lines = str(cause).strip().splitlines()
    if lines and (match := re.search(r"cannot find a suitable writer for (.*)\.$", lines[0])):
        return ValueError(f"'{match[1]}' cannot be written ({lines[-1]}): {advice}.")
    return None
