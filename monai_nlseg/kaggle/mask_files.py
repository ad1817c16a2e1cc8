"""Masks as image files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from monai_nlseg.evaluation.label_map import read_label_map
from monai_nlseg.transforms import resize_masks

KAGGLE_SHAPE = (420, 580)
"""Rows and columns of the challenge's images."""
LARGEST_PIXELS = 1e8
"""Most pixels of an image, about 400 times those of the challenge."""


def read_mask(path: Path, shape: tuple[int, int], resize: bool = False) -> np.ndarray:
    """Read a mask of 0 and 1, or of 0 and 255.

    Args:
        path: a picture, or a volume of one slice, whose axes are column before row as in MONAI and NIfTI.
        shape: rows and columns that the mask must have.
        resize: whether to bring another mask to that shape; otherwise it is refused.

    Returns:
        (rows, columns) bool.

    Raises:
        ValueError: for a file that cannot be read, a volume of several slices, other values and another shape.
    """
    map_ = read_label_map(path)
    if map_.values.ndim != 2:
        raise ValueError(f"'{path}' is a volume of {map_.values.shape}: give one image per file.")
    values = map_.values if map_.is_image else map_.values.T
    highest = 255 if values.max() == 255 else 1
    foreground = values == highest
    if not (foreground | (values == 0)).all():
        grey = values[~foreground & (values != 0)][0]
        raise ValueError(f"'{path}' holds the value {grey}: expected a mask of 0 and 1, or of 0 and 255.")
    if foreground.shape == tuple(shape):
        return foreground
    if not resize:
        raise ValueError(
            f"'{path}' has {_size(foreground.shape)} pixels, expected {_size(shape)}: give that as the "
            "shape, resample it, or write a submission with --resize."
        )
    return resize_masks(torch.from_numpy(foreground)[None, None], shape)[0, 0].numpy()


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
