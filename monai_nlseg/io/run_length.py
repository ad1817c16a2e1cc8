"""The run-length code of Kaggle's Ultrasound Nerve Segmentation."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

# No number of a code has more digits than an int64 can always hold.
NUMBERS = re.compile(r"\s*([0-9]{1,18}(\s+[0-9]{1,18})*)?\s*")


def encode_runs(mask: ArrayLike) -> str:
    """Encode a mask as pairs "start length" of runs of ones.

    Pixels are numbered from 1, down the columns, the left column first. An empty mask is "".

    Source: rules of Kaggle's Ultrasound Nerve Segmentation.

    Args:
        mask: (H, W), values 0 and 1.

    Raises:
        ValueError: for another shape or other values.

    Examples::

        >>> encode_runs([[1, 1], [0, 1]])
        '1 1 3 2'
    """
    values = np.asarray(mask)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"the mask has shape {values.shape}: expected (rows, columns), none of them 0.")
    foreground = values == 1
    if not (foreground | (values == 0)).all():
        raise ValueError(f"the mask holds {values[~foreground & (values != 0)][0]}: expected only 0 and 1.")
    pixels = np.concatenate([[False], foreground.ravel(order="F"), [False]])
    first, behind = np.flatnonzero(pixels[1:] != pixels[:-1]).reshape(-1, 2).T
    return " ".join(map(str, np.stack([first + 1, behind - first], axis=1).ravel().tolist()))


def decode_runs(code: str, shape: Sequence[int]) -> np.ndarray:
    """Return the mask of a code, the inverse of :func:`encode_runs`.

    Args:
        code: pairs "start length", starts ascending; runs may touch.
        shape: rows and columns of the mask.

    Returns:
        (H, W) uint8, values 0 and 1.

    Raises:
        ValueError: for a shape that is not two positive numbers, and a code that is not text, does not consist of whole
            numbers in pairs, or whose runs are empty, out of order, overlapping or beyond the image.

    Examples::

        >>> decode_runs("1 1 3 2", (2, 2)).tolist()
        [[1, 1], [0, 1]]
    """
    if len(shape) != 2 or any(size < 1 for size in shape):
        raise ValueError(f"shape {tuple(shape)} is not the size of an image: give rows and columns.")
    rows, columns = shape
    if not isinstance(code, str):
        raise ValueError(
            f"the run-length code is {code!r}, not text: pandas reads an empty mask as NaN, unless it reads with "
            "keep_default_na=False."
        )
    if not NUMBERS.fullmatch(code):
        raise ValueError(f"the run-length code '{_short(code)}' is not a list of numbers of pixels: restore it.")
    numbers = np.array(code.split(), dtype=np.int64)
    if len(numbers) % 2:
        raise ValueError(f"the run-length code '{_short(code)}' has {len(numbers)} numbers: expected pairs.")
    first, lengths = numbers[::2] - 1, numbers[1::2]
    if (lengths < 1).any() or (first < 0).any():
        raise ValueError(f"the run-length code '{_short(code)}' has a start or length of 0: both count from 1.")
    behind = first + lengths
    if (behind > rows * columns).any():
        raise ValueError(
            f"the run-length code goes to pixel {behind.max()}, an image of {rows} x {columns} has {rows * columns}: "
            "give the shape of the image that was coded."
        )
    if (first[1:] < behind[:-1]).any():
        wrong = int(np.flatnonzero(first[1:] < behind[:-1])[0]) + 1
        raise ValueError(
            f"run '{first[wrong] + 1} {lengths[wrong]}' of the run-length code starts before the end of the one before "
            f"it, pixel {behind[wrong - 1]}: put the runs in order, without overlap."
        )
    steps = np.zeros(rows * columns + 1, dtype=np.int8)
    steps[first] += 1
    steps[behind] -= 1
    return steps[:-1].cumsum(dtype=np.int8).view(np.uint8).reshape((rows, columns), order="F")


def _short(code: str) -> str:
    return code if len(code) <= 40 else f"{code[:40]}..."
