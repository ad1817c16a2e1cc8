"""The error that ends a whole run, and is the fault of none of its tasks."""

from __future__ import annotations

import errno

OUTPUT_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
"""Errors of an output folder, and so of all tasks: no space, no quota, read-only, no permission."""


class RunRefused(RuntimeError):
    """The run cannot go on, for example because the disk is full; the message says what to do."""


def refused(error: OSError) -> str:
    """Return a sentence about an output folder that cannot be written to, and what to do.

    Args:
        error: error of writing, with one of :data:`OUTPUT_ERRORS`.
    """
    where = f"'{error.filename}'" if error.filename else "the output folder"
    return (
        f"{where} cannot be written ({error.strerror}): make room or give another output folder, and run the same "
        "command again; what is done stays."
    )
