"""Compressed files, compared with the checksum at their end, which readers of images ignore."""

from __future__ import annotations

import zlib
from pathlib import Path

BLOCK = 1 << 20
GZIP = b"\x1f\x8b"
EITHER = 32 + zlib.MAX_WBITS
"""Argument of ``zlib``: gzip or zlib, by the first bytes."""


def unpacked_size(path: Path, start: int = 0) -> int:
    """Unpack gzip or zlib to its end without keeping it, so that its checksums are compared.

    A gzip file may have several members. What follows the last is not read.

    Args:
        path: the file.
        start: position in the file where the compressed data begin.

    Returns:
        The bytes that were unpacked.

    Raises:
        ValueError: if the data are truncated or damaged.
    """
    size, unpacker = 0, zlib.decompressobj(EITHER)
    with path.open("rb") as file:
        file.seek(start)
        rest = b""
        try:
            while rest := rest or file.read(BLOCK):
                size += len(unpacker.decompress(rest, BLOCK))
                rest = unpacker.unconsumed_tail
                if unpacker.eof:
                    rest = unpacker.unused_data
                    rest += file.read(len(GZIP))
                    if not rest.startswith(GZIP):
                        return size
                    unpacker = zlib.decompressobj(EITHER)
            size += len(unpacker.flush())
        except zlib.error:
            raise _damaged(path, "its content does not match its checksum") from None
    if not unpacker.eof:
        raise _damaged(path, "it is cut off")
    return size


def _damaged(path: Path, fault: str) -> ValueError:
    return ValueError(f"'{path}' is truncated or damaged ({fault}): restore it or leave the case out.")
