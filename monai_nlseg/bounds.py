"""Bounds for numbers that users give, which are checked before anything of that size is built."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

_short = reprlib.Repr()
_short.maxlevel, _short.maxstring, _short.maxother = 3, 100, 100

LARGEST_AXIS = 1_000_000
"""Largest number of voxels along an axis of an image; whole slides have fewer."""
LARGEST_COUNT = 1_000_000
"""Largest number of images, epochs and other things that are counted."""
LARGEST_SEED = 2**32 - 1
"""Largest seed that NumPy accepts."""
LONGEST_SECONDS = 1e8
"""Longest time limit in seconds, about three years."""


def require_number(name: str, value: Any, least: float, most: float, whole: bool = True) -> None:
    """Refuse anything but a number from ``least`` to ``most``, including NaN and booleans.

    Args:
        name: name of the number in the error message.
        value: the number.
        least: smallest allowed value.
        most: largest allowed value.
        whole: whether the number must be an integer.

    Raises:
        ValueError: if the value is not such a number or is out of bounds.
    """
    kinds: Any = Integral if whole else Real
    if not isinstance(value, kinds) or isinstance(value, bool) or not least <= value <= most:
        number = "whole number" if whole else "number"
        raise ValueError(f"{name} is {shown(value)}: give a {number} from {_plain(least)} to {_plain(most)}.")


def require_shape(name: str, sizes: Sequence[Any], voxels: float) -> None:
    """Refuse sizes that are not whole numbers from 1 to :data:`LARGEST_AXIS`, or whose product is above ``voxels``.

    Args:
        name: name of the sizes in the error message.
        sizes: size along each axis.
        voxels: largest allowed product of the sizes.

    Raises:
        ValueError: for such sizes.
    """
    for size in sizes:
        require_number(name, size, 1, LARGEST_AXIS)
    if math.prod(sizes) > voxels:
        given = " x ".join(map(str, sizes))
        raise ValueError(f"{name} is {given}, {math.prod(sizes):.3g} in total: give at most {voxels:.3g} in total.")


def shown(value: Any) -> str:
    """Return the text by which a message quotes a value, shortened if it is long.

    Args:
        value: any value.
    """
    try:
        text = _short.repr(value)  # limits the depth of nested lists
    except ValueError:  # an integer of more than 4300 digits
        return f"a number of {int(math.log10(abs(value)))} digits"
    return text if len(text) <= 120 else f"{text[:90]}...{text[-20:]}"


def _plain(number: float) -> str:
    return f"{number:,.0f}" if abs(number) < 1e15 and number == int(number) else f"{number:g}"
