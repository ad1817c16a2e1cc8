"""Segmentations of pictures as PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from monai_nlseg.io.segmentations.segmentation import Segmentation


def write(path: Path, segmentation: Segmentation) -> None:
    """Write a segmentation of two axes as PNG; its affine is lost.

    Args:
        path: file to write.
        segmentation: what to write; with ``white`` a single label becomes 255, and several keep their values.

    Raises:
        ValueError: for more axes.
    """
    labels = segmentation.labels
    if segmentation.white and len(segmentation.names) <= 1 and labels.max(initial=0) <= 1:
        labels = labels * np.uint8(255)
    save_png(path, labels)


def save_png(path: Path, values: np.ndarray) -> None:
    """Write a picture of grey values as PNG.

    Args:
        path: file to write.
        values: (rows, columns) uint8 or uint16.

    Raises:
        ValueError: for other shapes.
    """
    if values.ndim != 2:
        raise ValueError(f"PNG holds one image of two axes, this result has {values.ndim}: choose the format nifti.")
    Image.fromarray(values).save(path, format="PNG")
