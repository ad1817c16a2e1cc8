"""A temporary folder that the next run empties if this one is killed."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["own_scratch"]


@contextmanager
def own_scratch(records_dir: Path) -> Iterator[str]:
    """A folder for what workers stage, patients' images among it, below the system's temporary one.

    Its name follows from the run's folder: what a killed run has left is removed by the next, not kept for ever.

    Args:
        records_dir: of a run that is alone in it.

    Raises:
        OSError: if the folder belongs to somebody else.
    """
    digest = hashlib.sha256(str(records_dir.resolve()).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"nlseg-{os.getuid()}-{digest}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield str(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
