"""Limits of pictures, checked before their pixels are unpacked."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from monai_nlseg.io.pictures.errors import PictureError
from monai_nlseg.io.room import DEFLATE_RATIO, require_bytes, require_memory

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "DIB", "GIF", "WEBP", "PPM", "JPEG2000")
"""Formats of Pillow that are read, known by their content; others, such as EPS, run programs or are not pictures."""
MOST_PAGES = 1000
"""Largest number of pages that are counted."""
AS_ARRAY = 8
"""Most bytes that a pixel takes while it is decoded: four bytes in Pillow, and a copy."""


def open_image(source: object) -> Image.Image:
    """Open a picture in Pillow if it has one of the formats that are read here.

    Args:
        source: path or open file.
    """
    return Image.open(source, formats=FORMATS)  # type: ignore[arg-type]


def require_pixels(path: Path, size: tuple[int, int], bits: float = 0, packed: bool = True) -> None:
    """Refuse a picture that has more pixels than its file can hold, than is safe to unpack, or than memory can hold.

    Args:
        path: the file.
        size: rows and columns.
        bits: bits of a pixel in the file; 0 if the compression has no limit.
        packed: whether the pixels are compressed by deflate.

    Raises:
        PictureError: for such a picture.
    """
    rows, columns = size
    if rows * columns > 2 * (Image.MAX_IMAGE_PIXELS or float("inf")):
        raise PictureError(f"'{path}' has {rows} x {columns} pixels, more than is safe to unpack: cut it to pieces.")
    try:
        held = path.stat().st_size * (DEFLATE_RATIO if packed else 1)
        require_bytes(path, int(rows * columns * bits / 8), held)
        require_memory(path, AS_ARRAY * rows * columns)
    except ValueError as error:
        raise PictureError(str(error)) from None
