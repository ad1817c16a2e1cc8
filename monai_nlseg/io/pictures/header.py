"""Read the header of a picture, and check that its file is whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from monai_nlseg.io.pictures.depth import Samples
from monai_nlseg.io.pictures.errors import PictureError, reading
from monai_nlseg.io.pictures.limits import open_image, require_pixels
from monai_nlseg.io.pictures.pages import page_count
from monai_nlseg.io.pictures.png import SIGNATURE, png_header
from monai_nlseg.io.pictures.tiff import TiffHeader, tiff_header

TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
JPEG_END = b"\xff\xd9"
ORIENTATION = 0x0112
GREY = ("1", "L", "LA", "La")
SHALLOW = (*GREY, "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
"""Modes of Pillow that its conversions to grey and RGB take, of 8 bits or fewer."""


@dataclass(frozen=True)
class PictureHeader:
    """Properties of a picture that are known before its pixels are read.

    Attributes:
        format: "PNG", "JPEG", "MPO", "TIFF", "BMP", "GIF" or another of Pillow's.
        size: rows and columns as displayed.
        colour: whether it has colours, or a palette with some.
        turned: whether its EXIF orientation makes it be displayed in another way than it is stored.
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

    Args:
        path: path of the file.

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
        with open_image(path) as image:
            require_pixels(path, image.size[::-1], *_stored_bits(image))
            if (pages := page_count(image)) > 1:
                raise PictureError(f"'{path}' holds {pages} pages: give one image per file.")
            samples = png.samples if png else None
            if samples is None and image.mode not in SHALLOW:
                raise PictureError(
                    f"'{path}' is of PIL's mode {image.mode}: expected grey, a palette, RGB, CMYK or YCbCr of 8 bits, "
                    "or PNG or TIFF of 16, so save it as one of these."
                )
            colour = has_colour(image) and not (png and png.grey)
            # Pillow decodes a PNG to look for metadata after the pixels.
            orientation = 1 if png and not png.metadata else image.getexif().get(ORIENTATION, 1)
            if not (png or image.format in ("JPEG", "MPO") and _tail(path) == JPEG_END):
                image.load()
            size = image.size if orientation in range(5, 9) else image.size[::-1]
            return PictureHeader(image.format or "", size, colour, orientation in range(2, 9), samples)


def has_colour(image: Image.Image) -> bool:
    """Return whether an image of Pillow has colours, or a palette with some.

    Args:
        image: image that is open.
    """
    if image.mode in ("P", "PA"):
        colours = np.array(image.getpalette() or [0, 1, 2]).reshape(-1, 3)
        return bool((colours != colours[:, :1]).any())
    return image.mode not in (*GREY, "I", "I;16", "I;16B")


def _tiff(path: Path) -> PictureHeader:
    tiff = tiff_header(path)
    require_pixels(path, tiff.size)
    colour = tiff.colour
    if tiff.samples is None:
        with open_image(path) as image:
            image.seek(tiff.page)
            if image.mode not in SHALLOW:
                raise PictureError(f"'{path}' is of PIL's mode {image.mode}: save it as grey or RGB.")
            colour = has_colour(image)
    return PictureHeader("TIFF", tiff.size, colour, tiff.orientation in range(2, 9), tiff.samples, tiff)


def _stored_bits(image: Image.Image) -> tuple[float, bool]:
    """Return the bits of a pixel in the file, 0 if its compression has no limit, and whether deflate packs them."""
    if image.format == "PNG":
        return {"1": 1, "P": 1, "L": 1}.get(image.mode, 8 * len(image.getbands())), True
    if image.format in ("BMP", "DIB") and not image.info.get("compression"):
        return {"1": 1, "P": 1, "L": 8}.get(image.mode, 16), False
    return 0, True


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-len(JPEG_END), 2)
        return file.read()
