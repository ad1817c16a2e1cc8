"""Pictures as arrays, whichever way their files store them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from monai_nlseg.io.pictures.decode import deep_values, displayed, opened, rawmode_of
from monai_nlseg.io.pictures.depth import eight_bits
from monai_nlseg.io.pictures.errors import PictureError, reading
from monai_nlseg.io.pictures.header import PictureHeader, check_picture, has_colour


def open_picture(path: str | Path) -> Image.Image:
    """Return a picture as displayed, in one of Pillow's modes of 8 bits or fewer.

    Values of more than 8 bits become 0 to 255 by :func:`monai_nlseg.io.pictures.depth.eight_bits`.

    Args:
        path: path of the file.

    Raises:
        PictureError: for what :func:`check_picture` refuses, damaged pixels, or values whose depth would be a guess.
    """
    path = Path(path)
    header = check_picture(path)
    with reading(path):
        if header.samples is None:
            return displayed(path, header)
        return Image.fromarray(eight_bits(deep_values(path, header), header.samples, path))


def read_picture(path: str | Path) -> np.ndarray:
    """Return a picture as displayed, uint8 from 0 to 255: (H, W) if it is grey, else (H, W, 3) of red, green and blue.

    An alpha channel is dropped.

    Args:
        path: path of the file.

    Raises:
        PictureError: as :func:`open_picture`.
    """
    image = open_picture(path)
    return np.asarray(image.convert("RGB") if has_colour(image) else to_grey(image))


def read_grey(path: str | Path) -> np.ndarray:
    """Return the grey values of a picture as displayed, (H, W) uint8 from 0 to 255: 0.299 R + 0.587 G + 0.114 B.

    Args:
        path: path of the file.

    Raises:
        PictureError: as :func:`open_picture`.
    """
    return np.asarray(to_grey(open_picture(path)))


def to_grey(image: Image.Image) -> Image.Image:
    """Return the grey values of what :func:`open_picture` returned, without its alpha channel.

    Args:
        image: image that is open.
    """
    return (image.convert("LA") if image.mode == "La" else image).convert("L")


def stored_picture(path: str | Path) -> np.ndarray:
    """Return the values that a picture stores, as for a label map: unscaled, with the axes as displayed.

    Palettes with colours give their indices, and those of grey values the grey values. Values of 2 and 4 bits are as
    stored; bilevel pictures are False and True.

    Args:
        path: path of the file.

    Returns:
        (H, W), or (H, W, C) of colours or with an alpha channel, of the type that the file has.

    Raises:
        PictureError: for what :func:`check_picture` refuses, damaged pixels, and values of more than 8 bits if the
            smallest is white.
    """
    path = Path(path)
    header = check_picture(path)
    with reading(path):
        if header.samples is not None:
            if header.samples.inverted:
                raise PictureError(
                    f"'{path}' stores white as its least value, so which of its values are labels is not known: save "
                    "it with 0 for black."
                )
            return deep_values(path, header)
        image = displayed(path, header)
        if image.mode in ("P", "PA"):
            return np.asarray(image if has_colour(image) else image.convert("L"))
        values = np.asarray(image)
        return values // _factor(path, header) if image.mode == "L" else values


def _factor(path: Path, header: PictureHeader) -> int:
    """Return the factor by which Pillow multiplies grey values of 2 and 4 bits."""
    with opened(path, header) as image:
        rawmode = rawmode_of(image)
    return {"L;2": 85, "L;4": 17}.get(rawmode[:3], 1)
