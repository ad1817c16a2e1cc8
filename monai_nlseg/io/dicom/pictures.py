"""DICOM images without a position in the patient as pictures of 8 bits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from monai_nlseg.io.dicom.decode import decode, in_units
from monai_nlseg.io.dicom.header import is_picture, require
from monai_nlseg.io.pictures.depth import Samples, eight_bits


def pictures_of(path: Path, header: Any) -> Iterator[np.ndarray]:
    """Yield the frames of a file as (rows, columns) or (rows, columns, 3) of 8 bits.

    Args:
        path: DICOM file.
        header: its header.

    Raises:
        ValueError: if the pixels are damaged or cannot be scaled.
    """
    kind = header.get("PhotometricInterpretation")
    if kind == "PALETTE COLOR":
        apply_color_lut = require("pydicom.pixels").apply_color_lut
        for frame in decode(path):
            colours = apply_color_lut(frame, header)
            yield colours if colours.dtype == np.uint8 else (colours >> 8).astype(np.uint8)
        return
    unsigned = not header.get("PixelRepresentation")
    if unsigned and is_picture(header) and header.BitsStored > 8 and _window(header) is None:
        allocated, stored = header.BitsAllocated, header.BitsStored
        samples = Samples(allocated, "u", stored if stored < allocated else None, kind == "MONOCHROME1")
        yield from eight_bits(np.stack(list(decode(path))), samples, path)
        return
    limits = _limits(path, header)
    for frame in decode(path):
        picture = frame.astype(np.uint8) if limits is None else _scaled(in_units(frame, header, path), *limits)
        yield 255 - picture if kind == "MONOCHROME1" else picture


def _limits(path: Path, header: Any) -> tuple[float, float] | None:
    """Return the values that become black and white; None where stored values are of 8 bits."""
    unsigned = not header.get("PixelRepresentation")
    if unsigned and header.get("BitsStored") == 8:
        return None
    if (window := _window(header)) is not None:
        return window
    if unsigned and all(frame.max() <= 255 for frame in decode(path)):
        return None
    extremes = [(values.min(), values.max()) for values in (in_units(frame, header, path) for frame in decode(path))]
    return float(min(low for low, _ in extremes)), float(max(high for _, high in extremes))


def _window(header: Any) -> tuple[float, float] | None:
    """Return the ends of the first window of the header, if it has one."""
    centre, width = (np.ravel(header.get(keyword) or ()) for keyword in ("WindowCenter", "WindowWidth"))
    if not centre.size or not width.size:
        return None
    return float(centre[0]) - float(width[0]) / 2, float(centre[0]) + float(width[0]) / 2


def _scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    shares = (values.astype(np.float64) - low) / max(high - low, 1e-6)
    return np.rint(255 * np.clip(shares, 0, 1)).astype(np.uint8)
