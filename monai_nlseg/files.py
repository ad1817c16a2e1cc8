"""Files that are whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["written_beside"]


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """A name beside ``path``, of the same suffixes, to write to; at the end it is renamed to ``path``.

    So no file is ever half written under its final name. What a failure has left beside it is removed. The folder is
    made if it is missing.

    Examples::

        with written_beside(Path("scores.csv")) as beside:
            beside.write_text("case,dice")

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
