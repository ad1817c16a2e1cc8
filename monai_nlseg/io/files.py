"""Files that are written whole or not at all, and their digests."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

BLOCK = 1 << 20


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content.

    Args:
        path: path of the file.
    """
    total = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            total.update(block)
    return total.hexdigest()


def name_beside(name: str) -> str:
    """Return a hidden name for a file that will become ``name``, with the same suffixes, that no other process chooses.

    Args:
        name: final name of the file.
    """
    # Processes of several machines, which may have the same number, share a folder.
    return f".nlseg-{os.getpid()}-{uuid4().hex[:8]}-{name}"


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Yield a name beside ``path``, with the same suffixes, to write to; at the end rename it to ``path``.

    So no file is ever half written under its final name, not even after a power failure: its content reaches the disk
    first, and its name afterwards. What a failure has left beside it is removed; what a kill has left is hidden, see
    :func:`remove_leftovers`. The folder is created if it is missing.

    Args:
        path: final path of the file.

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
    """Write the list of a folder's files to the disk, if the system can: a power failure could undo a renaming.

    Args:
        folder: the folder.
    """
    with contextlib.suppress(OSError):  # some file systems do not support this
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed while writing have left below ``folder``.

    Only for a folder in which nothing else writes at the time.

    Args:
        folder: folder to clear, with those below it.
    """
    for path in folder.rglob(".nlseg-*"):
        if re.match(r"\.nlseg-\d+-[0-9a-f]{8}-", path.name) and path.is_file():
            path.unlink(missing_ok=True)
    for token in (folder / ".nlseg").glob("shared-*"):  # left by a run on Ray
        token.unlink(missing_ok=True)
