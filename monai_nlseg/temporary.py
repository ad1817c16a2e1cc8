"""Temporary folders that another process removes if their own process is killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from monai_nlseg.private_folder import require_private_folder

PREFIX = "nlseg-held-"
LOCK = ".lock"
"""Name of the lock, which the system releases however the process ends."""


@contextmanager
def held_folder() -> Iterator[Path]:
    """Create a private folder below the system's temporary folder, and remove it at the end.

    If the process is killed, :func:`remove_abandoned` in any other process of this user removes the folder.

    Yields:
        The folder.

    Raises:
        ValueError: if others could replace the folder, because the temporary folder belongs to another user, or is
            writable by others without the sticky bit.
        OSError: if it cannot be created.
    """
    made = Path(tempfile.mkdtemp(prefix="nlseg-new-"))
    try:
        require_private_folder(made)
    except ValueError:
        made.rmdir()
        raise
    # The folder gets the name that others search for only when the lock is held.
    lock = FileLock(made / LOCK, timeout=0, thread_local=False)
    lock.acquire()
    folder = made.rename(made.with_name(f"{PREFIX}{uuid4().hex}"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def remove_abandoned() -> None:
    """Remove the folders of :func:`held_folder` whose processes were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        remove_free(folder)


def remove_free(folder: Path, seconds: float = 0) -> None:
    """Remove a folder of :func:`held_folder` as soon as no process holds it.

    Args:
        folder: the folder.
        seconds: time to wait for its process; then the folder is left.
    """
    with contextlib.suppress(OSError, Timeout):
        if _is_own(folder):
            with FileLock(folder / LOCK, timeout=seconds):
                shutil.rmtree(folder, ignore_errors=True)


def _is_own(folder: Path) -> bool:
    """Return whether a path is a folder, not a link, and belongs to this user."""
    found = os.lstat(folder)
    return stat.S_ISDIR(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == os.getuid())
