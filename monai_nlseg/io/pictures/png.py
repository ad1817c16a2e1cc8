"""Parts of a PNG's header that Pillow does not pass on."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from monai_nlseg.io.pictures.depth import Samples

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY = (0, 4)
"""Colour types without and with an alpha channel."""
MOST_CHUNKS = 1_000_000
METADATA = {b"eXIf", b"iTXt", b"tEXt", b"zTXt"}
"""Chunks that may say how the picture is turned."""


@dataclass(frozen=True)
class PngHeader:
    """The header of a PNG.

    Attributes:
        samples: how values are stored, if they have 16 bits; else None.
        grey: whether it has no colours and no palette.
        metadata: whether there are metadata, which may say how the picture is turned.
    """

    samples: Samples | None
    grey: bool
    metadata: bool


def png_header(path: Path) -> PngHeader:
    """Read the chunks of a PNG except for its pixels.

    Args:
        path: path of the file.

    Raises:
        EOFError: if the file is cut off before its end.
    """
    bits, colour_type, significant, metadata = 8, 0, None, False
    with path.open("rb") as file:
        file.seek(len(SIGNATURE))
        for name, length in _chunks(file):
            if name == b"IHDR":
                bits, colour_type = file.read(10)[8:]
            elif name == b"sBIT":
                significant = max(file.read(min(length, 4))[: 1 if colour_type in GREY else 3], default=None) or None
            metadata = metadata or name in METADATA
    samples = Samples(16, "u", None if significant == 16 else significant) if bits == 16 else None
    return PngHeader(samples, colour_type in GREY, metadata)


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    for _ in range(MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            raise EOFError("it is cut off before its end")
        length, name = struct.unpack(">I4s", head)
        after = file.tell() + length + 4
        yield name, length
        if name == b"IEND":
            return
        file.seek(after)
    raise ValueError("it has more chunks than are read")
