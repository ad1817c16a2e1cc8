"""The pixels of a picture, turned as they are displayed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from monai_nlseg.io.pictures.errors import PictureError
from monai_nlseg.io.pictures.header import PictureHeader
from monai_nlseg.io.pictures.limits import open_image
from monai_nlseg.io.pictures.tiff import tiff_values


def deep_values(path: Path, header: PictureHeader) -> np.ndarray:
    """Return values of more than 8 bits as stored, (H, W) or (H, W, 3), turned as they are displayed.

    Args:
        path: path of the file.
        header: header of the file.

    Raises:
        PictureError: for a compression or colours that neither tifffile nor Pillow reads.
    """
    if header.tiff is None:
        return _deep_png(path, header)
    values = tiff_values(path, header.tiff)
    if values is None:
        values = _by_pillow(path, header)
    if values is None:
        bits = header.samples.bits if header.samples else 8
        raise PictureError(
            f"'{path}' holds values of {bits} bits with the compression {header.tiff.compression}, which is not "
            "supported: save it with 8 or 16 bits and without compression."
        )
    return values


def _by_pillow(path: Path, header: PictureHeader) -> np.ndarray | None:
    """Return the values of a TIFF by Pillow, which knows more compressions, such as LZW; None if it cannot."""
    try:
        with opened(path, header) as image:
            mode, rawmode = image.mode, rawmode_of(image)
            order = image.tag_v2.prefix
    except UnidentifiedImageError:
        return None
    # If the order of bytes is the other one, Pillow swaps those of I and F once too often.
    if mode.startswith("I;16") or mode in ("I", "F") and order == (b"II" if sys.byteorder == "little" else b"MM"):
        values = np.asarray(displayed(path, header))
        unsigned = header.samples is not None and header.samples.kind == "u"
        return values.view(np.uint32) if values.dtype == np.int32 and unsigned else values
    return _both_bytes(path, header) if rawmode[:-1] in ("RGB;16", "RGBX;16", "RGBA;16") else None


def _deep_png(path: Path, header: PictureHeader) -> np.ndarray:
    with opened(path, header) as image:
        rawmode = rawmode_of(image)
    if rawmode == "LA;16B":  # its four bytes are those of a pixel of RGBA
        high, low = np.moveaxis(np.asarray(displayed(path, header, "RGBA"))[..., :2].astype(np.uint16), -1, 0)
        return high << 8 | low
    if rawmode.startswith("RGB"):
        return _both_bytes(path, header)
    return np.asarray(displayed(path, header))


def _both_bytes(path: Path, header: PictureHeader) -> np.ndarray:
    """Return colours of 16 bits: Pillow keeps the high byte, and in the other order of bytes the low one."""
    with opened(path, header) as image:
        rawmode = rawmode_of(image)
    other = rawmode[:-1] + ("L" if rawmode[-1] == "B" or rawmode[-1] == "N" and sys.byteorder == "big" else "B")
    high, low = (np.asarray(displayed(path, header, order))[..., :3].astype(np.uint16) for order in (rawmode, other))
    return high << 8 | low


@contextmanager
def opened(path: Path, header: PictureHeader) -> Iterator[Any]:
    """Open the only picture of a file in Pillow, but not by its path, which Pillow would map in the displayed shape.

    Args:
        path: path of the file.
        header: header of the file.
    """
    with path.open("rb") as file, open_image(file) as image:
        image.seek(header.tiff.page if header.tiff else 0)
        yield image


def displayed(path: Path, header: PictureHeader, rawmode: str = "") -> Image.Image:
    """Return the pixels as Pillow decodes them, or by another of its raw modes, turned as they are displayed.

    Args:
        path: path of the file.
        header: header of the file.
        rawmode: mode in which Pillow unpacks the pixels; None for the file's own.
    """
    with opened(path, header) as image:
        if rawmode:
            image.tile = [_in_mode(tile, rawmode) for tile in image.tile]
        image.load()
        return ImageOps.exif_transpose(image)


def rawmode_of(image: ImageFile.ImageFile) -> str:
    """Return how the bytes of a picture that is not decoded yet are laid out, such as "RGB;16B".

    Args:
        image: image that is open.
    """
    arguments = image.tile[0][3] if image.tile else ""
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def _in_mode(tile: Any, rawmode: str) -> Any:
    arguments = rawmode if isinstance(tile[3], str) else (rawmode, *tile[3][1:])
    return tile._replace(args=arguments) if hasattr(tile, "_replace") else (*tile[:3], arguments)
