"""Read the header of a picture, and check that its file is whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from monai_nlseg.io.pictures.depth import Samples
from monai_nlseg.io.pictures.errors import PictureError, reading
from monai_nlseg.io.pictures.pages import page_count
from monai_nlseg.io.pictures.png import SIGNATURE, png_header
from monai_nlseg.io.pictures.tiff import TiffHeader, tiff_header

__all__ = ["PictureHeader", "check_picture", "has_colour"]

TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
JPEG_END = b"\xff\xd9"
ORIENTATION = 0x0112
GREY = ("1", "L", "LA", "La")
SHALLOW = (*GREY, "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
"""Modes of Pillow that its conversions to grey and RGB take, of 8 bits or fewer."""


@dataclass(frozen=True)
class PictureHeader:
    """What is known of a picture before its pixels are read.

    Attributes:
        format: "PNG", "JPEG", "MPO", "TIFF", "BMP", "GIF" or another of Pillow's.
        size: rows and columns as displayed.
        colour: whether it has colours, or a palette with some.
        turned: whether it is displayed otherwise than it is stored, by its EXIF orientation.
        samples: how values of more than 8 bits are stored, or None for fewer.
        tiff: the header of a TIFF.
    """

    format: str
    size: tuple[int, int]
    colour: bool
    turned: bool
    samples: Samples | None = None
    tiff: TiffHeader | None = None


def check_picture(path: str | Path) -> PictureHeader:
    """Read the header of a picture, and check that the file is whole.

    Pixels are decoded only where the file's end does not show that nothing is cut off (GIF, BMP).

    Raises:
        PictureError: for a file that is missing, damaged or cut off, holds several pages, or colours that are neither
            grey, RGB, CMYK nor YCbCr.
    """
    path = Path(path)
    with reading(path), path.open("rb") as file:
        mark = file.read(len(SIGNATURE))
        if mark.startswith(TIFF_MARKS):
            return _tiff(path)
        png = png_header(path) if mark == SIGNATURE else None
        with Image.open(path) as image:
            if (pages := page_count(image)) > 1:
                raise PictureError(f"'{path}' holds {pages} pages: give one image a file.")
            samples = png.samples if png else None
            if samples is None and image.mode not in SHALLOW:
                raise PictureError(
                    f"'{path}' is of PIL's mode {image.mode}: expected grey, a palette, RGB, CMYK or YCbCr of 8 bits, "
                    "or PNG or TIFF of 16, so save it as one of these."
                )
            colour = has_colour(image) and not (png and png.grey)
            # Pillow decodes a PNG to look for metadata behind the pixels.
            orientation = 1 if png and not png.metadata else image.getexif().get(ORIENTATION, 1)
            if not (png or image.format in ("JPEG", "MPO") and _tail(path) == JPEG_END):
                image.load()
            size = image.size if orientation in range(5, 9) else image.size[::-1]
            return PictureHeader(image.format or "", size, colour, orientation in range(2, 9), samples)


def has_colour(image: Image.Image) -> bool:
    """Return whether an image of Pillow has colours, or a palette with some."""
    if image.mode in ("P", "PA"):
        colours = np.array(image.getpalette() or [0, 1, 2]).reshape(-1, 3)
        return bool((colours != colours[:, :1]).any())
    return image.mode not in (*GREY, "I", "I;16", "I;16B")


def _tiff(path: Path) -> PictureHeader:
    tiff = tiff_header(path)
    if tiff.size[0] * tiff.size[1] > 2 * (Image.MAX_IMAGE_PIXELS or np.inf):
        rows, columns = tiff.size
        raise PictureError(f"'{path}' has {rows} x {columns} pixels, more than is safe to unpack: cut it to pieces.")
    colour = tiff.colour
    if tiff.samples is None:
        with Image.open(path) as image:
            image.seek(tiff.page)
            if image.mode not in SHALLOW:
                raise PictureError(f"'{path}' is of PIL's mode {image.mode}: save it as grey or RGB.")
            colour = has_colour(image)
    return PictureHeader("TIFF", tiff.size, colour, tiff.orientation in range(2, 9), tiff.samples, tiff)


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-len(JPEG_END), 2)
        return file.read()
