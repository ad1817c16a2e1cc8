"""Masks that were saved as JPEG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

FOREGROUND = 255
"""Value given to the foreground of a JPEG, whatever its grey value: the file holds one class."""
AROUND = 5
"""Width of a pixel's neighbourhood; some neighbourhoods lie within one of JPEG's blocks of 8 x 8."""
LOWEST_GREY = 16
"""Lowest grey value of a mask; lower values are numbers of labels."""
EVEN_TOLERANCE = 4
"""Largest difference of grey values where one label is uniform, after resizing or saving twice."""
CERTAIN = 3
ALMOST_ALL = 5.5
"""Standard deviations. On masks of BUSI, HC18 and CHASE_DB1 at qualities from 10 to 100, a mask whose half value is
above 3 of them loses less than 0.002 of Dice, and no pixel is off by more than 5.3."""


def read_jpeg_mask(pixels: np.ndarray, tables: Mapping[int, Sequence[int]], path: Path) -> np.ndarray:
    """Return a mask of 0 and 255, thresholded at half the grey value of its foreground.

    JPEG is lossy; how far it moves grey values follows from its quantization table. The foreground must lie well above
    that, and uniform places and pixels inside a region must be near zero or near the foreground. Otherwise the file
    holds more labels than a JPEG keeps apart.

    Args:
        pixels: (H, W) uint8 grey values.
        tables: Pillow's ``image.quantization``; the first is that of the brightness.
        path: the file, named in the errors.

    Returns:
        (H, W) uint8.

    Raises:
        ValueError: if the foreground is too faint, or there are several grey values.
    """
    highest = int(pixels.max())
    if not highest:
        return np.zeros_like(pixels)
    # The transform is orthonormal, so an error of one step's width, uniform, has this deviation in the pixels too.
    deviation = float(np.sqrt(np.mean(np.square(np.asarray(next(iter(tables.values())), float))) / 12))
    grey = float(np.median(pixels[pixels > highest / 2]))
    if grey < max(LOWEST_GREY, 2 * (CERTAIN * deviation + 0.5)):
        raise ValueError(
            f"'{path}' is a JPEG of grey values from 0 to {highest}, which its compression does not keep apart: save "
            "the mask as PNG, or as JPEG of 0 and 255."
        )
    if _has_more_values(pixels.astype(float), grey, deviation):
        raise ValueError(
            f"'{path}' is a JPEG of more than two grey values, which its compression mixes: save label maps as PNG."
        )
    return np.where(pixels >= grey / 2, FOREGROUND, 0).astype(np.uint8)


def _has_more_values(pixels: np.ndarray, grey: float, deviation: float) -> bool:
    away = np.minimum(pixels, np.abs(pixels - grey))
    low, high = minimum_filter(pixels, AROUND), maximum_filter(pixels, AROUND)
    # A block of one label is restored as one value, a block with an edge is not.
    if (away[low == high] > EVEN_TOLERANCE).any():
        return True
    # A value between both is allowed on an edge only.
    tolerance = ALMOST_ALL * deviation + 1
    edge = (low <= tolerance) & (high >= grey - tolerance)
    return bool((~edge & (away > tolerance)).any())
