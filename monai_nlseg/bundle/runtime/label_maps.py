"""Label maps in the grid of the image and in the smallest type."""

from __future__ import annotations

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import ResampleToMatch


def in_grid(pred: torch.Tensor, image: MetaTensor, mode: str) -> torch.Tensor:
    """Resample a map to the grid of an image, unless the bundle has done so.

    Args:
        pred: map (channels, *spatial).
        image: image (channels, *spatial) whose grid to return to.
        mode: the interpolation: "nearest" or "bilinear".

    Raises:
        ValueError: for a map that has another shape than the image and no affine.
    """
    same = pred.shape[1:] == image.shape[1:]
    if not isinstance(pred, MetaTensor):
        if same:
            return pred
        raise ValueError(
            f"the bundle's label map has the shape {tuple(pred.shape[1:])} and no affine, the image "
            f"{tuple(image.shape[1:])}: add Invertd to its postprocessing."
        )
    if same and torch.allclose(pred.affine.cpu(), image.affine.cpu(), atol=1e-4):
        return pred
    return ResampleToMatch(mode=mode, padding_mode="zeros")(pred.float(), image)


def integers(labels: np.ndarray) -> np.ndarray:
    """Return labels in the smallest unsigned type.

    Args:
        labels: (maps, *spatial), whole numbers of any type.

    Raises:
        ValueError: for fractions, numbers outside 0 to 65535, or several maps that are not masks of 0 and 1.
    """
    whole = np.rint(labels)
    if labels.dtype.kind == "f" and not np.array_equal(whole, labels) or whole.min() < 0 or whole.max() > 65535:
        raise ValueError("the bundle's postprocessing gives no labels: end it with AsDiscreted.")
    if len(whole) > 1 and whole.max() > 1:
        raise ValueError(
            "the bundle gives several label maps: give one whose channels are masks of 0 and 1, or one map."
        )
    return whole.astype(np.uint8 if whole.max() < 256 else np.uint16)
