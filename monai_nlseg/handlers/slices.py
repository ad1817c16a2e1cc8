"""Slices of cases that an evaluator has seen: image, label and prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from monai.transforms import Orientation


@dataclass(frozen=True)
class SeenSlice:
    """The axial slice of a volume with most of the label, as radiologists look at it, or a picture as a whole.

    Attributes:
        image: (H, W) float16, 0 to 1.
        label, prediction: (channels, H, W), as the evaluator has them: one-hot, masks, or one label map.
    """

    image: np.ndarray
    label: np.ndarray
    prediction: np.ndarray


def seen_slice(image: torch.Tensor, label: torch.Tensor, prediction: torch.Tensor, background: bool) -> SeenSlice:
    """Return the slice of a case to show.

    Args:
        image: (channels, *spatial), of which the first is shown.
        label, prediction: (channels, *spatial), in one grid, which may be another than the image's.
        background: whether the first of several channels is the background's.
    """
    shown, true, found = (_displayed(each) for each in (image, label, prediction))
    grey = shown[0].astype(np.float32)
    if grey.shape != true.shape[1:]:  # measured in the grid of the original
        grey = _as_large(grey, true.shape[1:])
    if grey.ndim == 3:
        foreground = true[1:] if background and len(true) > 1 else true
        index = int(np.argmax((foreground > 0).sum((0, 1, 2))))
        grey = grey[..., index].T
        true, found = (each[..., index].swapaxes(1, 2) for each in (true, found))
    return SeenSlice(_scaled(grey), true, found)


def _displayed(channels: torch.Tensor) -> np.ndarray:
    """Return (C, *spatial) channels, those of a volume with its axes to the patient's left, back and head."""
    turned = Orientation(axcodes="LPS", labels=None)(channels) if channels.ndim == 4 else channels
    return np.asarray(turned.cpu())


def _as_large(image: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    resized = torch.nn.functional.interpolate(torch.from_numpy(image)[None, None], size=tuple(shape))
    return resized[0, 0].numpy()


def _scaled(image: np.ndarray) -> np.ndarray:
    low, high = np.percentile(image, [0.5, 99.5])
    return np.clip((image - low) / max(high - low, 1e-6), 0, 1).astype(np.float16)
