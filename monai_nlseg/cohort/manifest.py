"""The record of a run, case by case, that survives a kill at any moment."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from types import TracebackType

from monai_nlseg.cohort.record_check import is_record
from monai_nlseg.cohort.records import Record
from monai_nlseg.errors import listed
from monai_nlseg.io.files import sync_folder
from monai_nlseg.io.regular import refuse_special_file
from monai_nlseg.io.sealed import check_of, sealed, unsealed

NAME_CHECK = "case_check"
START = b'{"case"'
NAME = re.compile(rb'\{\s*"case"\s*:\s*("(?:[^"\\]|\\.)*")')
CHECKS = re.compile(rb'"case_check"\s*:\s*"([0-9a-f]{16})"')
ENDED = re.compile(rb'"check"\s*:\s*"[0-9a-f]{16}".', flags=re.DOTALL)
OURS = re.compile(rb'\{\s*"case"\s*:|"status"\s*:\s*"(done|failed)"|"check"\s*:\s*"[0-9a-f]{16}"\s*\}|"case_check"\s*:')


class Manifest:
    """``manifest.jsonl``: a line for each attempt at a case, of which the last counts.

    A line is whole on the disk before :meth:`append` returns. A line that a kill or a full disk has cut off is skipped
    when the file is read. The last keys of a line are checksums, of the case's name and of the whole line: a damaged
    line is left out, and with it the earlier lines of its case, because they are not the last.

    Args:
        path: path of the file; created if it is missing.

    Attributes:
        records: name -> last record.
        damaged: numbers of the damaged lines, from 1.

    Raises:
        ValueError: if the file is not a manifest, or cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.records: dict[str, Record] = {}
        self.damaged: list[int] = []
        try:
            self._read()
            self._file = self.path.open("ab", buffering=0)
            sync_folder(self.path.parent)
        except OSError as error:
            raise self._unwritable(error) from None

    @property
    def damage(self) -> str | None:
        """Return a sentence about the lines that were left out; None if there are none."""
        if not self.damaged:
            return None
        count = len(self.damaged)
        lines, they = ("1 line", "it") if count == 1 else (f"{count} lines", "they")
        return (
            f"'{self.path}' has {lines} that cannot be read (line {listed(self.damaged)}): the file was damaged, and "
            f"what {they} recorded counts as not done."
        )

    def append(self, record: Record) -> None:
        """Add ``record`` to the file and write it to the disk.

        Raises:
            ValueError: if the file cannot be written.
        """
        line = sealed({**record, NAME_CHECK: check_of(record["case"])}).encode() + b"\n"
        try:
            if not _ends_a_line(self.path):
                line = b"\n" + line
            while line:
                line = line[self._file.write(line) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from None
        self.records[record["case"]] = record

    def _read(self) -> None:
        refuse_special_file(self.path)
        if not self.path.is_file():
            return
        first, ours = 0, False
        with self.path.open("rb") as file:
            for number, line in enumerate((line.rstrip(b"\n") for line in file), 1):
                if not line.strip():
                    continue
                first, ours = first or number, ours or _is_ours(line)
                if (record := _record_of(line)) is not None:
                    self.records[record["case"]] = record
                elif not _is_cut_off(line):
                    self.damaged.append(number)
                    self._forget(line)
        if first and not ours:
            raise ValueError(f"'{self.path}', line {first} is not a line of a manifest: give another output folder.")

    def _forget(self, line: bytes) -> None:
        """Remove the earlier records of the cases that a damaged line, or several joined ones, may be about."""
        checks = {found.decode() for found in CHECKS.findall(line)}
        names = {_decoded(found) for found in NAME.findall(line)}
        self.records = {
            name: record for name, record in self.records.items() if name not in names and check_of(name) not in checks
        }

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


def _record_of(line: bytes) -> Record | None:
    """Return the record of a line, without its checksums; None if it is damaged."""
    try:
        content, checked = unsealed(line.decode())
    except ValueError:
        return None
    if checked:
        content.pop(NAME_CHECK, None)
    return content if is_record(content, complete=not checked) and _can_be_written(content) else None


def _can_be_written(content: Record) -> bool:
    try:
        return bool(json.dumps(content, ensure_ascii=False).encode())
    except UnicodeEncodeError:  # half of a character
        return False


def _is_cut_off(line: bytes) -> bool:
    """Return whether a line was never written to its end, so that it records nothing."""
    if ENDED.search(line) or not (OURS.search(line) or START.startswith(line)):
        return False
    if not line.endswith(b"}"):
        return True
    try:
        json.loads(line.decode())
    except json.JSONDecodeError as error:
        return error.pos >= len(error.doc)  # the brace closes a part of the line
    except (ValueError, RecursionError):
        return False
    return False


def _is_ours(line: bytes) -> bool:
    """Return whether a line, however damaged, belongs to a manifest: other programs' files are not changed."""
    return bool(OURS.search(line)) or START.startswith(line) or not line.strip(b"\0")


def _decoded(text: bytes) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return ""


def _ends_a_line(path: Path) -> bool:
    """Return whether a file ends with a whole line, which a kill or a full disk has not cut off."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
