"""The lines of a MetaImage header: one that MetaIO does not understand makes it lose the next."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

LINE = re.compile(r"\s*([^=:\x00-\x1f\x7f]+?)\s*[=:]\s*([^\x00-\x08\x0a-\x1f\x7f]*)")
OF_AXES = {
    "DimSize": 1,
    "ElementSpacing": 1,
    "ElementSize": 1,
    "Offset": 1,
    "Position": 1,
    "Origin": 1,
    "CenterOfRotation": 1,
    "TransformMatrix": 2,
    "Orientation": 2,
    "Rotation": 2,
}
"""Fields with a number for each axis, or for each two."""
OTHERS = (
    "NDims",
    "BinaryData",
    "BinaryDataByteOrderMSB",
    "CompressedData",
    "CompressedDataSize",
    "DistanceUnits",
    "ElementByteOrderMSB",
    "ElementDataFile",
    "ElementNumberOfChannels",
    "ElementToIntensityFunctionOffset",
    "ElementToIntensityFunctionSlope",
    "ElementType",
    "HeaderSize",
)
SPELLINGS = {name.lower(): name for name in (*OF_AXES, *OTHERS)}
"""MetaIO ignores names that are spelled in another way."""


def require_meta_lines(lines: Sequence[str], path: Path) -> None:
    """Refuse lines that are not fields, names in other letters than MetaIO's, and lists of numbers of the wrong length.

    Args:
        lines: lines of the header.
        path: path of the file, for the error.

    Raises:
        ValueError: for the first such line.
    """
    axes = 0
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        found = LINE.fullmatch(line)
        if not found:
            raise _damaged(path, number, "is not a name with a value")
        name, value = found[1], found[2].strip()
        known = SPELLINGS.get(name.lower())
        if known not in (None, name):
            raise _damaged(path, number, f"has the name {known} in other letters")
        if name == "NDims":
            axes = int(value) if value.isascii() and value.isdecimal() and len(value) < 3 else 0
        if name in OF_AXES and not _are_numbers(value.split(), axes ** OF_AXES[name]):
            raise _damaged(path, number, f"lacks the numbers of {name} for the axes of NDims, which comes before")


def _are_numbers(words: Sequence[str], count: int) -> bool:
    try:
        return len(words) == count and all(math.isfinite(float(word)) for word in words)
    except ValueError:
        return False


def _damaged(path: Path, line: int, fault: str) -> ValueError:
    return ValueError(f"line {line} of '{path}' {fault}: restore the header.")
