"""DICOM files that are deflated as a whole, which pydicom unpacks at once."""

from __future__ import annotations

import zlib
from pathlib import Path

from monai.utils import optional_import

DEFLATED = "1.2.840.10008.1.2.1.99"
MOST_BYTES = 1_000_000_000
BLOCK = 1 << 20
BEHIND_LENGTH = 144
"""Position of the first byte that counts in the length of the meta information."""


class Bomb(ValueError):
    """A file that is unpacked to more than memory should hold."""


def require_unpacked(path: Path) -> None:
    """Check that a file, if it is deflated as a whole, unpacks to no more than 1 GB.

    Args:
        path: DICOM file with a preamble.

    Raises:
        Bomb: for more.
        Exception: errors of pydicom and zlib, for a damaged file.
    """
    meta = optional_import("pydicom.filereader")[0].read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DEFLATED:
        return
    with path.open("rb") as file:
        file.seek(BEHIND_LENGTH + int(meta.FileMetaInformationGroupLength))
        unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
        unpacked = 0
        packed = file.read(BLOCK)
        while packed and not unpacking.eof:
            unpacked += len(unpacking.decompress(packed, BLOCK))
            packed = unpacking.unconsumed_tail or file.read(BLOCK)
            if unpacked > MOST_BYTES:
                raise Bomb
