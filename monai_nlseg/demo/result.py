"""The result of a demo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from monai.metrics import compute_dice


@dataclass(frozen=True)
class DemoResult:
    """The files that a demo wrote, and its scores.

    Attributes:
        labels: the segmentation, NIfTI or PNG.
        picture: the segmentation drawn over the image, PNG.
        dice: Dice, 0 to 1, by the name of the comparison; empty if the image has no reference.
    """

    labels: Path
    picture: Path
    dice: dict[str, float] = field(default_factory=dict)


def dice(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Return the Dice of two masks, 0 to 1.

    Args:
        prediction, reference: boolean, of one shape.
    """
    pair = [torch.from_numpy(mask)[None, None] for mask in (prediction, reference)]
    return float(compute_dice(*pair))


@contextmanager
def removed_on_failure(image: Path) -> Iterator[None]:
    """Remove an image if an exception ends the context, unless it existed before.

    Args:
        image: file that is written in the context.
    """
    there = image.exists()
    try:
        yield
    except Exception:
        if not there:
            image.unlink(missing_ok=True)
        raise
