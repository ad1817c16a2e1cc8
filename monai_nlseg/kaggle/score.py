"""Score masks as the challenge's leaderboard does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from monai_nlseg.bounds import require_shape
from monai_nlseg.evaluation import find_label_maps
from monai_nlseg.kaggle.mask_files import KAGGLE_SHAPE, LARGEST_PIXELS, read_mask
from monai_nlseg.kaggle.reporting import Progress, silent, some
from monai_nlseg.kaggle.table import decode_mask, is_number, read_runs
from monai_nlseg.metrics import kaggle_dice


@dataclass(frozen=True)
class SubmissionScore:
    """The score of masks on the challenge's leaderboard.

    Attributes:
        dice: image -> Dice, 1 where both masks are empty and 0 where one is.
        empty_truth: number of images without foreground in the truth.
    """

    dice: dict[str, float]
    empty_truth: int

    @property
    def mean(self) -> float:
        """Return the mean Dice over the images."""
        return float(np.mean(list(self.dice.values())))


def score_masks(
    predictions: str | Path,
    truth: str | Path,
    shape: tuple[int, int] = KAGGLE_SHAPE,
    partial: bool = False,
    progress: Progress = silent,
) -> SubmissionScore:
    """Return the leaderboard's score, the mean of the images' Dice coefficients.

    See :func:`monai_nlseg.metrics.kaggle_dice`.

    Args:
        predictions: a table (.csv, see :func:`read_runs`), or a folder or pattern of masks, whose cases have the names
            of the images: ``12``, or ``3_12`` for image 12 of subject 3 of the training set.
        truth: the same, of the true masks.
        shape: rows and columns of the images.
        partial: whether to measure only the predicted images, without asking for one of every image of the truth.
        progress: called with the number of images done and the number of all images.

    Raises:
        ValueError: for images that only one side has, and for tables and masks that cannot be used.
    """
    require_shape("shape", shape, LARGEST_PIXELS)
    predicted, true = _masks(predictions), _masks(truth)
    without_truth = [image for image in predicted if image not in true]
    missing = [] if partial else [image for image in true if image not in predicted]
    if without_truth or missing:
        raise ValueError(
            f"'{predictions}' lacks {some(missing)} of '{truth}', which lacks {some(without_truth)} of it: name both "
            "alike, or give --partial to score what is predicted."
        )
    dice: dict[str, float] = {}
    empty = 0
    for done, (image, source) in enumerate(predicted.items(), 1):
        label = _mask_of(true[image], shape, image, truth)
        pair = [torch.from_numpy(mask)[None, None] for mask in (_mask_of(source, shape, image, predictions), label)]
        dice[image] = kaggle_dice(*pair)
        empty += not label.any()
        progress(done, len(predicted))
    return SubmissionScore(dice, empty)


def _masks(source: str | Path) -> Mapping[str, str | Path]:
    """Return the code or the file of each image."""
    if Path(source).suffix.lower() == ".csv":
        return read_runs(source)
    files: dict[str, Path] = {}
    for case, path in find_label_maps(source).items():
        # 012 is image 12, as in a table.
        image = "_".join(str(int(part)) if is_number(part) else part for part in case.split("_"))
        if image in files:
            raise ValueError(f"'{files[image]}' and '{path}' are both image {image}: leave one.")
        files[image] = path
    return files


def _mask_of(mask: str | Path, shape: tuple[int, int], image: str, source: str | Path) -> np.ndarray:
    return read_mask(mask, shape) if isinstance(mask, Path) else decode_mask(mask, shape, image, source).astype(bool)
