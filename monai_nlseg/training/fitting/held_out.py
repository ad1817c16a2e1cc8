"""Held-out cases: their label maps, the network's predictions, and what choices are made by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monai_nlseg.io.files import written_beside
from monai_nlseg.training.cases.case import Classes, TrainingCase
from monai_nlseg.training.fingerprint.image import read_image_header
from monai_nlseg.training.fingerprint.label import read_label
from monai_nlseg.training.fitting.calibration import Samples
from monai_nlseg.training.fitting.predict import Predictor, label_file, write_labels
from monai_nlseg.training.fitting.run import Run

LEVELS = 200
"""Probabilities of classes that are thresholded are kept in steps of 1 / 200."""
HALF = 0.5


@dataclass(frozen=True)
class Truth:
    """The label map of a case.

    Attributes:
        masks: (classes, *spatial) of bool.
        known: (*spatial) of bool, voxels that are annotated; None if all are.
    """

    masks: np.ndarray
    known: np.ndarray | None

    @classmethod
    def of(cls, case: TrainingCase, classes: Classes) -> Truth:
        """Read the label map of a case.

        Args:
            case: the case.
            classes: the classes.
        """
        label, _ = read_label(case, read_image_header(case).grid)
        masks = np.stack([np.isin(label, each.values) for each in classes.foreground])
        return cls(masks, None if classes.ignored is None else label != classes.ignored)


@dataclass(frozen=True)
class Found:
    """What the network found in a case.

    Attributes:
        labels: (*spatial) label map that the bundle makes before anything is chosen.
        levels: (classes, *spatial) uint8, the probabilities in steps of 1 / :data:`LEVELS`, rounded down; None where
            the most probable class of a voxel is taken.
        affine: (4, 4) voxel to RAS+ mm; None for a picture.
    """

    labels: np.ndarray
    levels: np.ndarray | None
    affine: np.ndarray | None

    def masks(self, values: tuple[int, ...], threshold: float = HALF) -> np.ndarray:
        """Return (classes, *spatial) of bool.

        Args:
            values: value of each class in the label map.
            threshold: smallest probability of a class, where classes are thresholded.
        """
        if self.levels is None:
            return np.stack([self.labels == value for value in values])
        return self.levels >= round(threshold * LEVELS)


def predict_case(run: Run, folder: Path, case: TrainingCase, predictor: Predictor) -> None:
    """Segment a case, and keep the label map, and voxels by which a temperature is chosen.

    Args:
        run: the run.
        folder: folder of the fold, in which ``predictions`` and, last, ``samples`` of the case are written.
        case: the case.
        predictor: the bundle with the weights of the fold.
    """
    prediction = predictor(case)
    truth = Truth.of(case, run.classes)
    chances = prediction.probabilities
    assert chances is not None
    thresholded = len(chances) == len(truth.masks)
    true = truth.masks if thresholded else _numbers(truth.masks)
    samples = Samples.drawn(chances, true, truth.known, run.settings.schedule.seed)
    write_labels(folder / "predictions", case.name, prediction.labels, prediction.affine)
    arrays = {"scores": samples.scores, "truth": samples.truth}
    if thresholded:
        arrays["levels"] = np.floor(chances * LEVELS).astype(np.uint8)
    if prediction.affine is not None:
        arrays["affine"] = prediction.affine
    with written_beside(folder / "samples" / f"{case.name}.npz") as beside:
        np.savez_compressed(beside, **arrays)  # type: ignore[arg-type]


def read_found(folder: Path, case: TrainingCase) -> Found:
    """Return what the network of a fold found in a case.

    Args:
        folder: folder of the fold.
        case: the case.
    """
    with np.load(folder / "samples" / f"{case.name}.npz", allow_pickle=False) as file:
        levels, affine = (file[name] if name in file.files else None for name in ("levels", "affine"))
    path = label_file(folder / "predictions", case.name, affine is None)
    predicted = TrainingCase(case.name, case.images, (str(path),), case.subject)
    return Found(read_label(predicted, read_image_header(case).grid)[0], levels, affine)


def read_samples(folder: Path, case: TrainingCase) -> Samples:
    """Return the voxels of a case by which a temperature is chosen.

    Args:
        folder: folder of the fold.
        case: the case.
    """
    with np.load(folder / "samples" / f"{case.name}.npz", allow_pickle=False) as file:
        return Samples(file["scores"], file["truth"])


def _numbers(masks: np.ndarray) -> np.ndarray:
    """Return (*spatial) numbers of the classes, from 1; 0 is background."""
    numbers = np.zeros(masks.shape[1:], np.int64)
    for number, mask in enumerate(masks, 1):
        numbers[mask] = number
    return numbers
