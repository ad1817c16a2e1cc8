"""Files that are whole or not there."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

__all__ = ["name_beside", "remove_leftovers", "sync_folder", "written_beside"]


def name_beside(name: str) -> str:
    """A hidden name for what is to become ``name``, of the same suffixes, that no other process chooses."""
    # Processes of several machines, which may have one number, share a folder.
    return f".nlseg-{os.getpid()}-{uuid4().hex[:8]}-{name}"


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """A name beside ``path``, of the same suffixes, to write to; at the end it is renamed to ``path``.

    So no file is ever half written under its final name, not even after a power failure, for it is brought to the disk
    before, and its name after. What a failure has left beside it is removed; what a kill has left is hidden, see
    :func:`remove_leftovers`. The folder is made if it is missing.

    Examples::

        with written_beside(Path("scores.csv")) as beside:
            beside.write_text("case,dice")

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(name_beside(path.name))
    try:
        yield beside
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
        sync_folder(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Bring to the disk which files a folder holds, where the system can: a power failure could undo a renaming."""
    with contextlib.suppress(OSError):  # some file systems know no such thing
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def remove_leftovers(folder: Path) -> None:
    """Remove below ``folder`` what processes that were killed while they wrote have left there.

    Only for a folder in which nothing else writes at the time.
    """
    for path in folder.rglob(".nlseg-*"):
        if re.match(r"\.nlseg-\d+-[0-9a-f]{8}-", path.name) and path.is_file():
            path.unlink(missing_ok=True)
