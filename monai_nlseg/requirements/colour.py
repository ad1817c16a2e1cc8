"""The share of a picture that has a colour."""

from __future__ import annotations

import numpy as np

COLOUR_SHARE = "colour_share"
"""Key in the meta data under which a reader of pictures leaves the share of pixels with a colour."""
CHROMA = 40
"""Difference of 255 below which sepia or bluish prints of grey images stay."""


def colour_share(pixels: np.ndarray) -> float:
    """Return the share of pixels whose largest and least of red, green and blue differ by more than 40 of 255.

    Args:
        pixels: (H, W) grey or (H, W, 3) colour, 0 to 255.

    Examples::

        >>> colour_share(np.array([[[200, 40, 10], [90, 90, 90]]], np.uint8))
        0.5
    """
    if pixels.ndim < 3 or not pixels.size:
        return 0.0
    red, green, blue = (pixels[..., channel] for channel in range(3))
    most, least = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    return float((most - least > CHROMA).mean())
