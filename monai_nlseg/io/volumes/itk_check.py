"""NRRD and MetaImage headers, checked before ITK believes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from monai_nlseg.io.regular import require_regular_file
from monai_nlseg.io.room import DEFLATE_RATIO, require_bytes, require_memory
from monai_nlseg.io.volumes.meta_lines import require_meta_lines
from monai_nlseg.io.volumes.packed import unpacked_size
from monai_nlseg.io.volumes.text_header import TextHeader, named_files, read_text_header

NRRD_BYTES = {
    1: "signed char|int8|int8_t|uchar|unsigned char|uint8|uint8_t",
    2: "short|short int|signed short|signed short int|int16|int16_t|ushort|unsigned short|unsigned short int|uint16"
    "|uint16_t",
    4: "int|signed int|int32|int32_t|uint|unsigned int|uint32|uint32_t|float",
    8: "longlong|long long|long long int|signed long long|signed long long int|int64|int64_t|ulonglong"
    "|unsigned long long|unsigned long long int|uint64|uint64_t|double",
}
"""Bytes of a value -> names of its types."""
GZIP = ("gz", "gzip")
META_BYTES = {
    "CHAR": 1,
    "UCHAR": 1,
    "SHORT": 2,
    "USHORT": 2,
    "INT": 4,
    "UINT": 4,
    "LONG": 8,
    "ULONG": 8,
    "LONG_LONG": 8,
    "ULONG_LONG": 8,
    "FLOAT": 4,
    "DOUBLE": 8,
}
"""Type after MET_ -> bytes; a long may take 4 of them."""
MOST_AXES = 10
"""Most axes of a MetaImage: arrays of MetaIO have this size."""
LONGEST_VALUE = 4096
"""Most characters of a value; MetaIO keeps some in arrays of a fixed size."""


def is_nrrd(path: Path) -> bool:
    """Return whether a file is NRRD by its suffix; other files of ITK here are MetaImage.

    Args:
        path: path of the file.
    """
    return path.suffix.lower() in (".nrrd", ".nhdr")


def nrrd_fields(path: Path) -> dict[str, str]:
    """Return the fields of an NRRD header, by name in lower case and without blanks, after a check.

    Args:
        path: path of the file.

    Raises:
        ValueError: for a header that is damaged, skips or announces more than its files hold, or names files that are
            missing, not regular or outside its folder; for a volume that memory cannot hold.
    """
    header = read_text_header(path)
    fields = header.fields
    held = _held(header, path)
    lines, skipped = (_whole(fields, name, path, 0) for name in ("lineskip", "byteskip"))
    if not 0 <= lines <= held or not -1 <= skipped <= DEFLATE_RATIO * held:
        raise ValueError(f"'{path}' skips more lines or bytes than its files hold: restore the header.")
    sizes = _numbers(fields.get("sizes", ""), "sizes", path)
    size = next(
        (size for size, names in NRRD_BYTES.items() if fields.get("type", "").lower() in names.split("|")), None
    )
    if size is None:
        raise ValueError(f"'{path}' has values of a type that is not read here: export it with whole or real numbers.")
    values = math.prod(sizes)
    encoding = fields.get("encoding", "").lower()
    if encoding in ("txt", "text", "ascii"):
        require_bytes(path, values, held)
    elif encoding == "hex":
        require_bytes(path, 2 * values * size, held)
    elif encoding in GZIP:
        require_bytes(path, values * size + max(skipped, 0), DEFLATE_RATIO * held)
    elif encoding == "raw":
        require_bytes(path, values * size + max(skipped, 0), held)
    else:
        raise ValueError(f"'{path}' has an encoding that is not read here: write it as raw or gzip.")
    require_memory(path, values * size)
    return fields


def meta_fields(path: Path) -> dict[str, str]:
    """Return the fields of a MetaImage header, by name in lower case, after a check.

    Args:
        path: path of the file.

    Raises:
        ValueError: as :func:`nrrd_fields`.
    """
    header = read_text_header(path)
    fields = header.fields
    held = _held(header, path)
    if "elementdatafile" not in fields or any(len(value) > LONGEST_VALUE for value in fields.values()):
        raise ValueError(f"'{path}' is not a MetaImage, or its header is damaged: restore it.")
    axes = _whole(fields, "ndims", path, 0)
    sizes = _numbers(fields.get("dimsize", ""), "DimSize", path)
    if not 1 <= axes <= MOST_AXES or len(sizes) != axes:
        raise ValueError(f"'{path}' has {axes} axes and {len(sizes)} sizes: expected one for each of 1 to {MOST_AXES}.")
    require_meta_lines(header.text, path)
    kind = fields.get("elementtype", "").removeprefix("MET_").removesuffix("_ARRAY")
    if kind not in META_BYTES:
        raise ValueError(f"'{path}' has values of a type that is not read here: export it with whole or real numbers.")
    channels = _whole(fields, "elementnumberofchannels", path, 1)
    if not 1 <= channels <= 1 << 16:
        raise ValueError(f"'{path}' has {channels} channels: expected 1 or more, so restore the header.")
    # A long counts as 4 bytes, so that no intact file is refused.
    size = 4 if kind in ("LONG", "ULONG") else META_BYTES[kind]
    values = math.prod(sizes) * channels
    skipped = _whole(fields, "headersize", path, 0)
    if not -1 <= skipped <= held:
        raise ValueError(f"'{path}' skips more bytes than its files hold: restore the header.")
    if _is_packed_meta(fields):
        require_bytes(path, _whole(fields, "compresseddatasize", path, 0), held)
        require_bytes(path, values * size, DEFLATE_RATIO * held)
    elif fields.get("binarydata", "true").lower() in ("false", "0", "f"):
        require_bytes(path, values, held)
    else:
        require_bytes(path, values * size + max(skipped, 0), held)
    require_memory(path, values * META_BYTES[kind])
    return fields


def require_intact_voxels(path: Path) -> None:
    """Compare the compressed voxels of a file, whose header is checked, with their checksums, which ITK ignores.

    Args:
        path: path of the file.

    Raises:
        ValueError: if they are truncated or damaged.
    """
    header = read_text_header(path)
    nrrd = is_nrrd(path)
    if not (header.fields.get("encoding", "").lower() in GZIP if nrrd else _is_packed_meta(header.fields)):
        return
    names = named_files(header, path)
    start = 0 if names else header.size
    lines = _whole(header.fields, "lineskip", path, 0) if nrrd else 0
    bytes_ = 0 if nrrd else max(_whole(header.fields, "headersize", path, 0), 0)
    for voxels in [path.parent / name for name in names] or [path]:
        with voxels.open("rb") as file:
            file.seek(start + bytes_)
            for _ in range(lines):
                file.readline()
            begin = file.tell()
        unpacked_size(voxels, begin)


def _is_packed_meta(fields: Mapping[str, str]) -> bool:
    return fields.get("compresseddata", "").startswith(("T", "t", "1"))  # as MetaIO does


def _held(header: TextHeader, path: Path) -> int:
    """Return the bytes of the files in which the voxels lie."""
    names = named_files(header, path)
    if not names:
        return require_regular_file(path) - header.size
    return sum(require_regular_file(path.parent / name) for name in names)


def _whole(fields: Mapping[str, str], name: str, path: Path, default: int) -> int:
    return _numbers(fields[name], name, path, positive=False)[0] if name in fields else default


def _numbers(text: str, name: str, path: Path, positive: bool = True) -> list[int]:
    parts = text.split()
    wrong = not 0 < len(parts) <= 16 or any(len(part) > 18 or not part.lstrip("+-").isdecimal() for part in parts)
    numbers = [] if wrong else [int(part) for part in parts if part.lstrip("+-")]
    if wrong or positive and min(numbers) < 1:
        kind = "numbers above 0" if positive else "a whole number"
        raise ValueError(f"'{path}' has no {name} of {kind}: restore the header.")
    return numbers
