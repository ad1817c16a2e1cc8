"""NIfTI, Analyze and MGH headers, checked before nibabel believes them."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from nibabel.arrayproxy import ArrayProxy
from nibabel.spatialimages import SpatialImage

from monai_nlseg.io.formats import pair_voxels
from monai_nlseg.io.reasons import reason
from monai_nlseg.io.regular import require_regular_file
from monai_nlseg.io.room import DEFLATE_RATIO, require_bytes, require_memory
from monai_nlseg.io.volumes.packed import unpacked_size

NIFTI = {348: ("f", 108), 540: ("q", 168)}
"""Bytes of a header of version 1 and 2 -> type and position of the offset of the voxels."""
MGH_DIMENSIONS, MGH_TYPE, MGH_OFFSET = 4, 20, 284
MGH_BYTES = {0: 1, 1: 4, 3: 4, 4: 2}
MOST_EXTENSIONS = 1 << 26
"""Bytes between a header and the voxels."""


def require_header(path: Path) -> None:
    """Check what nibabel reads at once: NIfTI's extensions, and MGH's footer, which follows the voxels.

    Args:
        path: path of the file.

    Raises:
        ValueError: if the file is not a regular one, or its header announces more than it can hold.
        OSError, EOFError, zlib.error: errors of gzip, for damaged data.
    """
    held = _held(path, require_regular_file(path))
    with gzip.open(path) if _is_packed(path) else path.open("rb") as file:
        head = file.read(544)
        if path.suffix.lower() in (".mgh", ".mgz"):
            _check_mgh(path, head, held)
        elif order := next((order for order in "<>" if _number(order + "i", head, 0) in NIFTI), None):
            size = int(_number(order + "i", head, 0))
            kind, place = NIFTI[size]
            offset = _number(order + kind, head, place)
            if head[size : size + 1] not in (b"", b"\0"):
                # In a pair, they end with the file.
                end = offset if pair_voxels(path.name) == path.name else MOST_EXTENSIONS
                file.seek(size + 4)
                _check_extensions(path, file, order, min(end, held))


def require_room(image: SpatialImage) -> None:
    """Compare what a header announces with the most that the file of the voxels can hold.

    Args:
        image: image of nibabel.

    Raises:
        ValueError: for more, or if that file is missing or not a regular one.
    """
    path = _voxels(image)
    require_bytes(path, _needed(image.dataobj), _held(path, require_regular_file(path)))


def require_whole_file(image: SpatialImage) -> None:
    """Compare what a header announces with what the file holds; a compressed one may have to be unpacked for that.

    Args:
        image: image of nibabel.

    Raises:
        ValueError: for a file that holds less, or is damaged.
    """
    path, needed = _voxels(image), _needed(image.dataobj)
    with _unpacking(path):
        require_bytes(path, needed, _unpacked_size(path, needed) if _is_packed(path) else path.stat().st_size)


def require_intact_file(image: SpatialImage) -> None:
    """Compare what a header announces with what the file holds, and a compressed file with its checksum.

    Nibabel, and MONAI with it, reads to the last voxel and no further, but the checksum follows it.

    Args:
        image: image of nibabel.

    Raises:
        ValueError: for a file that holds less, or is damaged.
    """
    path = _voxels(image)
    require_bytes(path, _needed(image.dataobj), unpacked_size(path) if _is_packed(path) else path.stat().st_size)


@contextmanager
def _unpacking(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"'{path}' is truncated or damaged ({reason(error)}): restore it or leave the case out."
        ) from None


def _voxels(image: SpatialImage) -> Path:
    return Path(image.file_map["image"].filename)


def _needed(voxels: ArrayProxy) -> int:
    """Return the bytes that a header announces, from the beginning of the file; -1 if one of its numbers is below 0."""
    sizes, offset = list(map(int, voxels.shape)), int(voxels.offset)
    return -1 if min([*sizes, offset]) < 0 else offset + math.prod(sizes) * voxels.dtype.itemsize


def _unpacked_size(path: Path, needed: int) -> int:
    # The last four bytes of a whole gzip file are its unpacked size, which saves unpacking; if they differ from what is
    # needed, it may still be a file of several members or with more after the voxels.
    with path.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        if int.from_bytes(file.read(), "little") == needed % 2**32:
            return needed
    return unpacked_size(path)


def _check_mgh(path: Path, head: bytes, held: int) -> None:
    sizes = [int(_number(">i", head, MGH_DIMENSIONS + 4 * axis)) for axis in range(4)]
    size = MGH_BYTES.get(int(_number(">i", head, MGH_TYPE)))
    if size is None or min(sizes) < 1:
        raise ValueError(f"'{path}' is not a readable MGH volume: restore the file.")
    needed = math.prod(sizes) * size
    require_bytes(path, MGH_OFFSET + needed, held)
    require_memory(path, needed)


def _check_extensions(path: Path, file: BufferedReader | gzip.GzipFile, order: str, end: float) -> None:
    place = file.tell()
    while end - place >= 16 and len(about := file.read(8)) == 8:
        size = int(_number(order + "i", about, 0))
        if not 8 <= size <= min(end - place, MOST_EXTENSIONS):
            raise ValueError(f"'{path}' has damaged header extensions: restore the file.")
        place = file.seek(place + size)
    if place > MOST_EXTENSIONS:
        raise ValueError(f"'{path}' has {place} bytes of header extensions: save it without them.")


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() in (".gz", ".mgz")


def _held(path: Path, size: int) -> int:
    """Return the most bytes that a file of a size can be unpacked to."""
    return size * DEFLATE_RATIO if _is_packed(path) else size


def _number(kind: str, data: bytes, place: int) -> float:
    size = struct.calcsize(kind)
    return struct.unpack_from(kind, data, place)[0] if len(data) >= place + size else -1
