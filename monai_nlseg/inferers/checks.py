"""Checks of the sizes given to windowed inference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any

from monai_nlseg.bounds import LARGEST_AXIS, LARGEST_COUNT, require_number, shown

MOST_VOXELS = 2**30
"""Most voxels of a window; in float32 they alone take 4 GB."""


def check_windows(roi_size: Any, step: Any, sw_batch_size: Any) -> None:
    """Check a window, its step and the number of windows in one pass, before an image is padded to them.

    Args:
        roi_size: voxels of a window, one number for all axes or one for each; None or not positive for the whole axis.
        step: voxels from one window to the next, one number for all axes or one for each.
        sw_batch_size: windows in one pass through the network.

    Raises:
        ValueError: for sizes that are not in whole voxels, a step above 1,000,000, a window of more than
            2^30 voxels, and a number of windows that is not 1 to 1,000,000.
    """
    for name, sizes in (("roi_size", roi_size), ("step", step)):
        kinds = (Integral, type(None)) if name == "roi_size" else Integral
        if not all(isinstance(size, kinds) for size in _listed(sizes)):
            raise ValueError(f"{name} {shown(sizes)} is not in whole voxels: give an int, or one for each axis.")
    for size in _listed(step):
        if size > 0:  # others, and those that do not fit their window, are refused where windows are placed
            require_number("step", size, 1, LARGEST_AXIS)
    if math.prod(size for size in _listed(roi_size) if size is not None and size > 0) > MOST_VOXELS:
        raise ValueError(f"roi_size {shown(roi_size)} is too large a window: give at most {MOST_VOXELS:,} voxels.")
    require_number("sw_batch_size", sw_batch_size, 1, LARGEST_COUNT)


def _listed(sizes: Any) -> Sequence[Any]:
    return sizes if isinstance(sizes, Sequence) else [sizes]
