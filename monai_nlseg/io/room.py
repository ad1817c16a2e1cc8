"""Compare what a header claims with its file and with the memory left, before anything is allocated."""

from __future__ import annotations

from pathlib import Path

from monai_nlseg.machine import free_memory

DEFLATE_RATIO = 1032
"""The most bytes that gzip, zip or PNG can unpack from one (zlib's technical details)."""


def require_bytes(path: Path, needed: int, held: int) -> None:
    """Refuse a file whose header announces more bytes of voxels or pixels than the file can hold.

    Args:
        path: the file, for the error.
        needed: bytes that the header announces.
        held: bytes in the file, or the most that it can be unpacked to.

    Raises:
        ValueError: if ``needed`` is more than ``held``, or below 0.
    """
    if not 0 <= needed <= held:
        raise ValueError(
            f"'{path}' is truncated or its header damaged: it holds {held} bytes, its header announces {needed}: "
            "restore it or leave the case out."
        )


def require_memory(path: Path, needed: int) -> None:
    """Refuse a file that takes more memory as an array than is left.

    Args:
        path: path of the file, for the error.
        needed: bytes that the array takes.

    Raises:
        ValueError: for such a file.
    """
    if needed > (free := free_memory()):
        raise ValueError(
            f"'{path}' takes {needed / 1e9:.3g} GB as an array, and {free / 1e9:.3g} GB of memory are left: crop the "
            "image, or use a larger machine."
        )
