"""What a demonstration leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from monai.metrics import compute_dice

__all__ = ["DemoResult", "dice"]


@dataclass(frozen=True)
class DemoResult:
    """Files that the demo wrote.

    Attributes:
        labels: the segmentation, NIfTI or PNG.
        picture: the segmentation drawn over the image, PNG.
        dice: Dice, 0 to 1, by what it was measured against; empty where the image has no reference.
    """

    labels: Path
    picture: Path
    dice: dict[str, float] = field(default_factory=dict)


def dice(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Dice of two boolean arrays of one shape."""
    pair = [torch.from_numpy(mask)[None, None] for mask in (prediction, reference)]
    return float(compute_dice(*pair))
