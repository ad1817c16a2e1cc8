"""Checks of the masks and images that the transforms are given."""

from __future__ import annotations

import numpy as np
from monai.config.type_definitions import NdarrayOrTensor
from monai.data import MetaTensor
from monai.utils import ImageMetaKey, convert_to_numpy


def described(img: NdarrayOrTensor) -> str:
    """Return what an error calls ``img``: its shape and, if the meta data has one, the name of its file."""
    file = img.meta.get(ImageMetaKey.FILENAME_OR_OBJ) if isinstance(img, MetaTensor) else None
    return f"{list(img.shape)} of {file}" if file else f"{list(img.shape)}"


def label_map(img: NdarrayOrTensor) -> np.ndarray:
    """Return the labels of a map of one channel.

    Args:
        img: (1, *spatial), whole numbers, 0 is the background.

    Returns:
        Array (*spatial).

    Raises:
        ValueError: for another number of channels, or values that are not whole.
    """
    if len(img.shape) < 2 or img.shape[0] != 1:
        raise ValueError(
            f"label map {described(img)}: expected one channel first, (1, *spatial): "
            "add it with EnsureChannelFirstd, or turn channels into labels with AsDiscreted(argmax=True)."
        )
    labels = convert_to_numpy(img)[0]
    if labels.dtype.kind == "f" and not np.array_equal(labels, np.rint(labels)):
        raise ValueError(
            f"label map {described(img)} has values that are not whole numbers: "
            "turn probabilities into labels first, with AsDiscreted(threshold=0.5)."
        )
    return labels


def binary_mask(img: NdarrayOrTensor) -> np.ndarray:
    """Return the foreground of a mask of one channel.

    Args:
        img: (1, *spatial), values 0 and 1.

    Returns:
        Boolean array (*spatial).

    Raises:
        ValueError: for another number of channels, or values other than 0 and 1.
    """
    if len(img.shape) < 2 or img.shape[0] != 1:
        raise ValueError(
            f"mask {described(img)}: expected one channel first, (1, *spatial): "
            "add it with EnsureChannelFirstd, or pick one channel."
        )
    values = convert_to_numpy(img)[0]
    mask = values == 1
    others = values[~mask & (values != 0)]
    if others.size:
        raise ValueError(
            f"mask {described(img)} has the value {others[0]:g}: expected 0 and 1 only, "
            "threshold it first, with AsDiscreted(threshold=0.5)."
        )
    return mask
