"""Values of any depth as 0 to 255."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monai_nlseg.io.pictures.errors import PictureError

DEPTHS = (10, 12, 14, 16)
"""Bits of the cameras and scanners whose values lie in files of 16 or 32 bits."""
DARKEST = 16
"""The least maximum of float values that are taken for 0 to 255; below it they may be 0 to 1 with an overshoot."""
ROUNDING = 1e-6


@dataclass(frozen=True)
class Samples:
    """How a file stores values of more than 8 bits.

    Attributes:
        bits: bits of a value, without the sign.
        kind: "u", "i" or "f", as NumPy calls unsigned and signed integers and floating point numbers.
        significant: bits that carry a value, as far as the file says so, or None.
        inverted: whether the least value is white.
    """

    bits: int
    kind: str
    significant: int | None = None
    inverted: bool = False


def eight_bits(values: np.ndarray, samples: Samples, path: Path) -> np.ndarray:
    """Return the values of a picture as uint8, 0 for black and 255 for white.

    - Integers: the depth is what the file says; else 8 bits if all values are up to 255; else the largest depth at
      which all values are 8-bit values that were shifted or repeated (times 257, 256, 64, 16, 4); else the one of 10,
      12 and 14 bits whose white, 1023, 4095 or 16383, is the largest value; above that it is 16, or 15 for signed
      values.
    - Floating point: 0 to 1, or 0 to 255.

    Args:
        values: (H, W) or (H, W, 3); the colours of a picture have one depth.
        samples: how the file stores them.
        path: the file, for the errors.

    Raises:
        PictureError: for values below 0, NaN, other ranges, and where the depth would be a guess.
    """
    if samples.kind == "f":
        scaled = _floats(values, path)
        return 255 - scaled if samples.inverted else scaled
    return _integers(values, samples, path)


def _floats(values: np.ndarray, path: Path) -> np.ndarray:
    if not np.isfinite(values).all():
        raise PictureError(f"'{path}' holds NaN or infinite values: save it again, with 8 bits.")
    low, high = float(values.min()), float(values.max())
    if low < -ROUNDING or 1 + ROUNDING < high < DARKEST or high > 255:
        raise PictureError(
            f"'{path}' holds values from {low:.6g} to {high:.6g}: expected 0 to 1 or 0 to 255 of floating point, so "
            "save it with 8 bits."
        )
    return np.rint(values.clip(0, None) * (255.0 if high <= 1 + ROUNDING else 1.0)).clip(0, 255).astype(np.uint8)


def _integers(values: np.ndarray, samples: Samples, path: Path) -> np.ndarray:
    low, high = int(values.min()), int(values.max())
    if low < 0:
        raise PictureError(f"'{path}' holds values from {low} to {high}: expected 0 for black, so save it with 8 bits.")
    depth = samples.significant or _depth(values, high, samples, path)
    if high >> depth:  # by the PNG standard, values are scaled to all bits, whichever are significant
        depth = samples.bits
    white = 2**depth - 1
    if samples.inverted:
        values = white - values
    if depth > 8 and _shifted(values, depth):
        return (values >> (depth - 8)).astype(np.uint8)
    return np.rint(values * (255 / white)).astype(np.uint8)


def _depth(values: np.ndarray, high: int, samples: Samples, path: Path) -> int:
    if high <= 255:
        return 8
    depths = sorted({*(depth for depth in DEPTHS if depth < samples.bits), samples.bits})
    holding = [depth for depth in depths if not high >> depth]
    for depth in reversed(holding):
        if _shifted(values, depth) or (depth % 8 == 0 and not (values % ((2**depth - 1) // 255)).any()):
            return depth
    depth = holding[0]
    if high == 2**depth - 1 or depth == samples.bits <= 16:
        return depth
    raise PictureError(
        f"'{path}' holds values from 0 to {high} in {samples.bits} bits and does not say which is white: save it with "
        "8 bits, or name the depth in its header (sBIT in PNG, MaxSampleValue in TIFF)."
    )


def _shifted(values: np.ndarray, depth: int) -> bool:
    """Return whether all values are 8-bit values followed by zeros."""
    return not (values & ((1 << (depth - 8)) - 1)).any()
