"""Predictions for labelled cases by a bundle, as ``nlseg infer`` makes them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.bundle.runtime.prediction import Prediction
from monai_nlseg.cohort.plan import plan_worker
from monai_nlseg.errors import sentence
from monai_nlseg.io.files import written_beside
from monai_nlseg.io.segmentations import Segmentation, write_segmentation
from monai_nlseg.io.staging import stage
from monai_nlseg.quiet import remarks_withheld
from monai_nlseg.training.cases.case import TrainingCase


class Predictor:
    """A loaded bundle that segments labelled cases.

    Args:
        bundle: folder of the bundle.
        overrides: config id -> value.

    Raises:
        ValueError: if the bundle cannot be loaded.
    """

    def __init__(self, bundle: Path, overrides: Mapping[str, Any]) -> None:
        self.model = Model(bundle, overrides)

    def __call__(self, case: TrainingCase, probabilities: bool = True) -> Prediction:
        """Segment a case.

        Args:
            case: the case.
            probabilities: whether the probabilities of the classes are returned, too.

        Returns:
            The prediction, in the grid of the image.

        Raises:
            ValueError: if it cannot be read, needs too much memory, or the network's output is not finite; the sentence
                names the case.
        """
        try:
            with tempfile.TemporaryDirectory(prefix="nlseg-") as folder, remarks_withheld():
                item = self.model.read(stage([[path] for path in case.images], Path(folder)).images[0])
                plan_worker(self.model, item, None)
                return self.model.finish(self.model.infer(item), probabilities)
        except OSError:
            raise
        except Exception as error:  # whatever is wrong with a case is said with its name
            raise ValueError(f"case '{case.name}' cannot be segmented: {sentence(error)}") from error


def write_labels(folder: Path, case: str, labels: np.ndarray, affine: np.ndarray | None) -> Path:
    """Write a label map, PNG for a picture and NIfTI for a volume.

    Args:
        folder: folder of the label maps.
        case: name of the case, by which the file is called.
        labels: (*spatial) unsigned integers.
        affine: (4, 4) voxel to RAS+ mm; None for a picture.

    Returns:
        The file.

    Raises:
        OSError: if it cannot be written.
    """
    path = label_file(folder, case, affine is None)
    with written_beside(path) as beside:
        write_segmentation(beside, "png" if affine is None else "nifti", Segmentation(labels, affine))
    return path


def label_file(folder: Path, case: str, picture: bool) -> Path:
    """Return the file of a case's label map.

    Args:
        folder: folder of the label maps.
        case: name of the case.
        picture: whether its image is a picture.
    """
    return folder / f"{case}{'.png' if picture else '.nii.gz'}"
