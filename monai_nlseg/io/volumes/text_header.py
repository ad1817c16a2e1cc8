"""The text before the voxels in NRRD and MetaImage files, and the files that it names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from monai_nlseg.io.regular import require_regular_file

LONGEST = 1 << 20
"""Most bytes of a header; those of diffusion-weighted images, with a line for each gradient, stay far below."""
MOST_FILES = 100_000
"""Most files, with a slice each, that a header may name."""
FIELD = re.compile(r"([A-Za-z ]+?)\s*(?:=|:(?!=))\s*(.*)")
PATTERN = re.compile(r"(\S*%0?\d{0,2}d\S*)((?: -?\d{1,9}){2,4})")
PLACES = ("elementdatafile", "datafile")


@dataclass(frozen=True)
class TextHeader:
    """A header of lines of text.

    Attributes:
        fields: name -> value; names in lower case and without blanks, which are optional in NRRD's.
        lines: the lines after the last field: names of files after ``LIST``.
        text: the lines of the fields, as they are.
        size: bytes up to the voxels, or of the whole file if these lie in others.
    """

    fields: dict[str, str]
    lines: tuple[str, ...]
    text: tuple[str, ...]
    size: int

    @property
    def place(self) -> str:
        """Return where the voxels are: "LOCAL", "LIST ...", a pattern or a name."""
        return next((self.fields[name] for name in PLACES if name in self.fields), "LOCAL")


def read_text_header(path: Path) -> TextHeader:
    """Read the header of an NRRD or MetaImage file, up to the empty line or the place of the voxels.

    Args:
        path: path of the file.

    Raises:
        ValueError: if it is not a regular file, or its header has no end within 1 MiB.
    """
    require_regular_file(path)
    with path.open("rb") as file:
        head = file.read(LONGEST + 1)
    header = parse_text_header(head)
    if header.size > LONGEST:
        raise ValueError(f"'{path}' has a header without an end within {LONGEST} bytes: restore it.")
    return header


def parse_text_header(head: bytes) -> TextHeader:
    """Return the header with which the bytes begin; without an end it is as long as they are.

    Args:
        head: first bytes of the file.
    """
    fields: dict[str, str] = {}
    written = []
    start = 0
    while start < len(head):
        end = head.find(b"\n", start)
        end = len(head) if end < 0 else end
        text = head[start:end].decode("utf-8", errors="replace").strip()
        start = end + 1
        written.append(text)
        found = FIELD.match(text)
        name = found[1].replace(" ", "").lower() if found else ""
        if found:
            fields[name] = found[2].strip()
        if not text or name == "elementdatafile" or name == "datafile" and fields[name].upper().startswith("LIST"):
            break
    lines: tuple[str, ...] = ()
    if any(fields.get(name, "").upper().startswith("LIST") for name in PLACES):
        rest = head[start:].decode("utf-8", errors="surrogateescape").splitlines()
        lines = tuple(line.strip() for line in rest if line.strip())
    return TextHeader(fields, lines, tuple(written), min(start, len(head)))


def named_files(header: TextHeader, path: str | Path) -> list[str]:
    """Return the names of the files in which the voxels lie, relative to the header's folder.

    Args:
        header: fields of the header.
        path: path or URL of the header.

    Returns:
        The names; none if the voxels follow the header in its own file.

    Raises:
        ValueError: for too many files, none, or one outside the header's folder.
    """
    if header.place.upper() == "LOCAL":
        return []
    if header.place.upper().split()[:1] == ["LIST"]:
        names = list(header.lines)
    elif counted := PATTERN.match(header.place):
        first, last, step = (*map(int, counted[2].split()), 1)[:3]
        numbers = range(first, last + (1 if step > 0 else -1), step or 1)
        if step == 0 or len(numbers) > MOST_FILES:
            raise ValueError(f"'{path}' counts more than {MOST_FILES} files of voxels: restore the header.")
        names = [counted[1] % number for number in numbers]
    else:
        names = [header.place]
    if not 0 < len(names) <= MOST_FILES:
        raise ValueError(f"'{path}' names {len(names)} files of voxels: restore the header.")
    if any(_leads_out(name) for name in names):
        raise ValueError(f"'{path}' names a file of voxels outside of its folder: move that file beside the header.")
    return names


def _leads_out(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return "\0" in name or "://" in name or os.path.isabs(name) or ".." in parts
