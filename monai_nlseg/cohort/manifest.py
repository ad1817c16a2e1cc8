"""The record of a run, case by case, that survives a kill at any moment."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["Manifest", "digest_files", "digest_of"]

Record = dict[str, Any]
BLOCK = 1 << 20


class Manifest:
    """``manifest.jsonl``: one line a case and attempt, the last of a case counts.

    A line is written whole and brought to the disk before :meth:`append` returns. What a kill has left of a line is
    skipped when the file is read.

    Args:
        path: the file; made if it is missing.

    Raises:
        ValueError: if the file is no manifest.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.records = self._read()
        self._file = self.path.open("ab")
        if self._file.tell() and not self.path.read_bytes().endswith(b"\n"):
            self._file.write(b"\n")

    def append(self, record: Record) -> None:
        """Add a record, which has a "case", and bring it to the disk."""
        self._file.write(json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.records[record["case"]] = record

    def _read(self) -> dict[str, Record]:
        if not self.path.is_file():
            return {}
        records: dict[str, Record] = {}
        lines = self.path.read_bytes().splitlines()
        for number, line in enumerate(lines, 1):
            try:
                record = json.loads(line)
                records[record["case"]] = record
            except (ValueError, TypeError, KeyError):
                if number < len(lines) and line[:1] != b"{":
                    raise ValueError(f"'{self.path}', line {number} is of no manifest: give another folder.") from None
        return records

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Manifest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def digest_files(files: Iterable[Path]) -> str:
    """SHA-256 of the contents of files, in their order."""
    total = hashlib.sha256()
    for path in files:
        part = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                part.update(block)
        total.update(part.digest())
    return total.hexdigest()


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
