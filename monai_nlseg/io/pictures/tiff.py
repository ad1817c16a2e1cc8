"""The header of a TIFF: the one picture among its pages, and how its values are stored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from monai_nlseg.io.pictures.depth import Samples
from monai_nlseg.io.pictures.errors import PictureError
from monai_nlseg.io.pictures.limits import MOST_PAGES

REDUCED, MASK = 1, 4
"""Bits of NewSubfileType: a page that is a smaller copy, and one that is a mask, of another."""
UNCOMPRESSED = 1
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}
"""SampleFormat -> NumPy's letter; the fourth is undefined, which readers take for unsigned."""


@dataclass(frozen=True)
class TiffHeader:
    """The page of a TIFF that is its picture.

    Attributes:
        page: its index.
        size: rows and columns as displayed.
        colour: whether it has three colours.
        samples: how values of more than 8 bits are stored, or None for fewer.
        compression: its name, such as LZW.
        planar: whether the colours lie one behind the other.
        orientation: 1 to 8, as in EXIF.
    """

    page: int
    size: tuple[int, int]
    colour: bool
    samples: Samples | None
    compression: str
    planar: bool
    orientation: int


def tiff_header(path: Path) -> TiffHeader:
    """Read the header of a TIFF.

    Args:
        path: path of the file.

    Raises:
        PictureError: for several pictures, none, or values of a kind that no picture has.
        Exception: errors of tifffile, for a damaged file.
    """
    import tifffile

    with tifffile.TiffFile(path) as file:
        pages = list(islice(file.pages, MOST_PAGES + 1))
        if len(pages) > MOST_PAGES:
            raise PictureError(f"'{path}' holds more than {MOST_PAGES} pages: give one image per file.")
        if not all(page.imagewidth and page.imagelength for page in pages):
            raise ValueError("a page without width or height")
        full = [index for index, page in enumerate(pages) if not page.subfiletype & (REDUCED | MASK)]
        count = sum(pages[index].imagedepth for index in full)
        if count == 1 and (
            file.is_imagej or file.is_shaped or file.is_ome
        ):  # whose text may announce a stack that follows
            count = max(series.size // series.keyframe.size for series in file.series)
        if count > 1:
            raise PictureError(f"'{path}' holds {count} pages: give one image per file.")
        if not full:
            raise PictureError(f"'{path}' holds smaller copies or masks of a picture alone: save the picture itself.")
        page: Any = pages[full[0]]
        length = path.stat().st_size
        if any(start + size > length for start, size in zip(page.dataoffsets, page.databytecounts)):
            raise ValueError("it is cut off before its end")
        if page.compression == UNCOMPRESSED and sum(page.databytecounts) < page.size * page.bitspersample // 8:
            raise ValueError("it holds fewer pixels than its header announces")
        turned = page.tags.valueof("Orientation", 1)
        turned = int(turned) if turned in range(1, 9) else 1
        size = (page.imagelength, page.imagewidth)
        return TiffHeader(
            page=full[0],
            size=size[::-1] if turned > 4 else size,
            colour=page.photometric not in (WHITE_IS_ZERO, BLACK_IS_ZERO),
            samples=_samples(page, path),
            compression=str(getattr(page.compression, "name", page.compression)),
            planar=page.planarconfig == 2 and page.samplesperpixel > 1,
            orientation=turned,
        )


def tiff_values(path: Path, header: TiffHeader) -> np.ndarray | None:
    """Return the stored values, (H, W) or (H, W, 3), as displayed; None if tifffile lacks the compression.

    Args:
        path: path of the file.
        header: header of the file.

    Raises:
        PictureError: for colours that are not red, green and blue.
        Exception: errors of tifffile, for damaged pixels.
    """
    import tifffile

    with tifffile.TiffFile(path) as file:
        page: Any = file.pages[header.page]
        if page.photometric not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB):
            raise PictureError(
                f"'{path}' holds colours of more than 8 bits as {getattr(page.photometric, 'name', page.photometric)}: "
                "save it with 8 bits, or as RGB."
            )
        try:
            values = page.asarray()
        except (ValueError, NotImplementedError) as error:
            if "imagecodecs" in str(error):
                return None
            raise
    if header.planar:
        values = np.moveaxis(values, 0, -1)
    if values.ndim == 3:
        values = values[..., :3] if header.colour else values[..., 0]
    return _turned(values, header.orientation)


def _samples(page: Any, path: Path) -> Samples | None:
    bits = int(max(np.ravel(page.bitspersample)))
    kind = KINDS.get(int(max(np.ravel(page.sampleformat))))
    if kind is None:
        raise PictureError(f"'{path}' holds neither whole nor floating point numbers: save it with 8 bits.")
    if kind == "i" and bits == 8:
        raise PictureError(f"'{path}' holds 8-bit values with a sign: save it with 8 bits and without a sign.")
    if bits <= 8:
        return None
    container = bits - (kind == "i")
    known = bits if bits < 16 else _declared(page)
    return Samples(container, kind, known, page.photometric == WHITE_IS_ZERO)


def _declared(page: Any) -> int | None:
    """Return the bits that carry a value: 12 by a largest value of 4095, or by OME's metadata."""
    named = re.search(r'SignificantBits="(\d+)"', page.description or "")
    highest = page.tags.valueof("SMaxSampleValue", page.tags.valueof("MaxSampleValue", 0))
    highest = max(np.ravel(highest))
    declared = int(named[1]) if named else int(highest).bit_length() if highest == int(highest) else 0
    # Some writers put the largest possible value, which says nothing about the depth.
    known = declared if named or int(highest) + 1 == 1 << declared else 0
    return known if 8 <= known < min(np.ravel(page.bitspersample)) else None


def _turned(values: np.ndarray, orientation: int) -> np.ndarray:
    """Return stored values turned as they are displayed, by an EXIF orientation from 1 to 8."""
    if orientation > 4:
        values = values.swapaxes(0, 1)
    rows = orientation in (3, 4, 7, 8)
    columns = orientation in (2, 3, 6, 7)
    return values[:: -1 if rows else 1, :: -1 if columns else 1]
