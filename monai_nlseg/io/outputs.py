"""The folder of a run's outputs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from monai_nlseg.io.digests import digest_files
from monai_nlseg.io.files import written_beside
from monai_nlseg.io.storage import is_remote, join, put


class OutputFile(TypedDict):
    """A file that was written, with its path below the output folder."""

    path: str
    bytes: int
    sha256: str


class OutputFolder:
    """The folder of a run's outputs, on this machine or in an object store, and what was written there for a case.

    Args:
        root: path or URL.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.written: dict[str, OutputFile] = {}

    @contextmanager
    def file(self, kind: str, name: str) -> Iterator[Path]:
        """Yield a path to write to, whose file appears as ``name`` below the folder when it is whole.

        Args:
            kind: key of the file in :attr:`written`.
            name: path below the folder.
        """
        if is_remote(self.root):
            with tempfile.TemporaryDirectory(prefix="nlseg-") as scratch:
                path = Path(scratch) / Path(name).name
                yield path
                put(path, join(self.root, name))
                self._note(kind, name, path)
        else:
            with written_beside(Path(self.root) / name) as path:
                yield path
                self._note(kind, name, path)

    def _note(self, kind: str, name: str, path: Path) -> None:
        self.written[kind] = OutputFile(path=name, bytes=path.stat().st_size, sha256=digest_files([path]))
