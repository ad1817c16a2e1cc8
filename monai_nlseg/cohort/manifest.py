"""The record of a run, case by case, that survives a kill at any moment."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType

from monai_nlseg.cohort.records import Record
from monai_nlseg.files import sync_folder

__all__ = ["Manifest"]

START = b'{"case"'


class Manifest:
    """``manifest.jsonl``: one line a case and attempt, the last of a case counts.

    A line is written whole and brought to the disk before :meth:`append` returns. What a kill or a full disk has left
    of a line is skipped when the file is read.

    Args:
        path: the file; made if it is missing.

    Raises:
        ValueError: if the file is no manifest, or cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.records = self._read()
            self._file = self.path.open("ab", buffering=0)
            sync_folder(self.path.parent)
        except OSError as error:
            raise self._unwritable(error) from None

    def append(self, record: Record) -> None:
        """Add a record and bring it to the disk.

        Raises:
            ValueError: if the file cannot be written.
        """
        line = json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        try:
            if not _ends_a_line(self.path):
                line = b"\n" + line
            while line:
                line = line[self._file.write(line) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from None
        self.records[record["case"]] = record

    def _read(self) -> dict[str, Record]:
        if not self.path.is_file():
            return {}
        records: dict[str, Record] = {}
        with self.path.open("rb") as file:
            for number, line in enumerate((line.rstrip(b"\n") for line in file), 1):
                if not line.strip():
                    continue
                if not (line.startswith(START) or START.startswith(line)):
                    raise ValueError(f"'{self.path}', line {number} is of no manifest: give another output folder.")
                try:
                    record = json.loads(line)
                    if record["status"] in ("done", "failed"):
                        records[record["case"]] = record
                except (ValueError, TypeError, KeyError):
                    continue  # cut off
        return records

    def _unwritable(self, error: OSError) -> ValueError:
        return ValueError(
            f"'{self.path}' cannot be written ({error.strerror}): make room or give another output folder, and run the "
            "same command again; what is done stays."
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Manifest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _ends_a_line(path: Path) -> bool:
    """Whether a line can be begun: not where a kill or a full disk has cut off the last one."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
