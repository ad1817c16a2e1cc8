"""The result of a bundle for an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Prediction:
    """Arrays in the grid of the image as it was read, which for a picture is (rows, columns).

    Attributes:
        image: (channels, *spatial).
        labels: (*spatial) unsigned integers, 0 being background; with ``masks``, (masks, *spatial) of 0 and 1.
        masks: whether the labels may overlap, mask i being label i + 1.
        affine: (4, 4) voxel to RAS+ mm; None for pictures.
        names: label -> name, as far as the bundle names its labels.
        final: whether the bundle names the values and writes them as they are, so that a mask in a picture stays 0 and
            1 and does not become 0 and 255.
        entropy: mean normalised entropy over the foreground found, 0 to 1; None where it is not known.
        probabilities: (classes, *spatial) float32, if asked for.
        uncertainty: (*spatial) normalised entropy, float32, 0 to 1, if asked for.
        frames: whether the arrays are of a sequence. Then an axis of frames is the first of the spatial axes of
            ``image``, and comes before all other axes of the rest.
        unlike: a sentence for each thing in which the image or the labels are unlike what the bundle was made for.
    """

    image: np.ndarray
    labels: np.ndarray
    masks: bool
    affine: np.ndarray | None
    entropy: float | None
    names: Mapping[int, str] = field(default_factory=dict)
    probabilities: np.ndarray | None = None
    uncertainty: np.ndarray | None = None
    frames: bool = False
    unlike: Sequence[str] = ()
    final: bool = False

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """The number of voxels along each axis."""
        return self.image.shape[1:]


def stack_frames(predictions: Sequence[Prediction]) -> Prediction:
    """Return the frames of a sequence as one prediction, and a single one as it is.

    Args:
        predictions: the prediction of each frame.

    Raises:
        ValueError: if the frames differ in size.
    """
    if len(predictions) == 1:
        return predictions[0]
    first = predictions[0]
    sizes = {prediction.image.shape for prediction in predictions}
    if len(sizes) > 1:
        raise ValueError(f"the frames have {len(sizes)} different sizes: give images of one size.")
    known = [prediction.entropy for prediction in predictions if prediction.entropy is not None]

    def stacked(name: str) -> np.ndarray | None:
        arrays = [getattr(prediction, name) for prediction in predictions]
        return None if arrays[0] is None else np.stack(arrays)

    return Prediction(
        image=np.stack([prediction.image for prediction in predictions], axis=1),
        labels=np.stack([prediction.labels for prediction in predictions]),
        masks=first.masks,
        affine=None,
        entropy=float(np.mean(known)) if known else None,
        names=first.names,
        probabilities=stacked("probabilities"),
        uncertainty=stacked("uncertainty"),
        frames=True,
        unlike=_unlike_of_frames(predictions),
        final=first.final,
    )


def _unlike_of_frames(predictions: Sequence[Prediction]) -> list[str]:
    """Return the sentences of the first frame that has any, and how many more frames have some."""
    frames = [number for number, prediction in enumerate(predictions, 1) if prediction.unlike]
    if not frames:
        return []
    others = f" and {len(frames) - 1} more of {len(predictions)}" if len(frames) > 1 else f" of {len(predictions)}"
    return [f"frame {frames[0]}{others}: {sentence}" for sentence in predictions[frames[0] - 1].unlike]
