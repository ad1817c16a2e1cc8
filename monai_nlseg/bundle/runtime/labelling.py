"""Make label maps from scores as a bundle does."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import AsDiscreted, Compose, Invertd, SaveImaged

from monai_nlseg.bundle.label_names import LabelNames
from monai_nlseg.bundle.runtime.item import Item, sentences
from monai_nlseg.bundle.runtime.label_maps import in_grid, integers
from monai_nlseg.bundle.runtime.prediction import Prediction
from monai_nlseg.bundle.runtime.probabilities import as_probabilities, entropy_map, mean_entropy
from monai_nlseg.transforms.check_result import UNLIKE_RESULT


class Labelling:
    """The postprocessing of a bundle, from scores to a :class:`Prediction`, without what writes files.

    Args:
        transforms: the transforms of the bundle's postprocessing, one after another.
        names: the names of the values in its label maps.
    """

    def __init__(self, transforms: Sequence[Any], names: LabelNames) -> None:
        self._transforms = [step for step in transforms if not isinstance(step, SaveImaged)]
        self._names = names
        scaled = [step for step in transforms if isinstance(step, SaveImaged) and step.saver.init_kwargs.get("scale")]
        self._final = bool(names.labels) and not scaled
        for step in self._back_to_grid():
            step.nearest_interp = tuple(True for _ in step.nearest_interp)  # labels have no values between them

    def exclusive(self, channels: int) -> bool:
        """Return whether each voxel has exactly one of the classes of the scores; else each channel may be a mask.

        Args:
            channels: number of channels of the scores.
        """
        discrete = self._discrete()
        return channels > 1 and (discrete is None or any(discrete.argmax))

    @torch.inference_mode()
    def __call__(self, item: Item, probabilities: bool = False) -> Prediction:
        """Make labels in the grid of the input.

        Args:
            item: what :meth:`Model.infer` returned, with scores (classes, *spatial) under "pred".
            probabilities: whether the probabilities of the classes and their uncertainty are returned, too.

        Raises:
            ValueError: if the network's output is NaN or infinite, the bundle's postprocessing gives no labels, or
                probabilities are asked of a bundle whose inferer returns labels.
        """
        scores = item.data["pred"]
        if torch.isnan(scores).any() or torch.isposinf(scores).any():
            raise ValueError("the network's output is NaN or infinite: check the image's values and the bundle.")
        exclusive = self.exclusive(len(scores))
        known = scores.is_floating_point()
        entropy = mean_entropy(as_probabilities(scores, exclusive), exclusive) if known else None
        chances = uncertainty = None
        if probabilities:
            if not known:
                raise ValueError("the bundle's inferer returns labels, not probabilities: set inferer#output=average.")
            copied = item.data | {"pred": scores.clone()}
            back = as_probabilities(self._scores_in_grid(copied, item.image), exclusive)
            chances, uncertainty = item.rows_first(back), item.rows_first(entropy_map(back, exclusive))
        found = Compose(self._transforms)(item.data)["pred"]
        pred = in_grid(found, item.image, "nearest")
        if exclusive and self._discrete() and len(pred) == len(scores):  # one-hot
            pred = pred.argmax(0, keepdim=True)
        labels = integers(item.rows_first(pred))
        return Prediction(
            image=item.rows_first(item.image),
            labels=labels if len(labels) > 1 else labels[0],
            masks=len(labels) > 1,
            names=self._names.of_labels(len(scores), exclusive, len(labels) > 1),
            final=self._final,
            affine=None if item.picture else np.asarray(item.image.affine.cpu(), dtype=float),
            entropy=entropy,
            probabilities=chances,
            uncertainty=uncertainty,
            unlike=[*item.unlike, *sentences(found, UNLIKE_RESULT)],
        )

    def _scores_in_grid(self, data: dict[str, Any], image: MetaTensor) -> torch.Tensor:
        """Return scores after all transforms up to the labels, and then after those that lead to the input's grid."""
        after = [copy.copy(step) for step in self._back_to_grid()]
        for step in after:
            step.nearest_interp = tuple(False for _ in step.nearest_interp)
        pred = Compose([*self._transforms[: self._first_of_labels()], *after])(data)["pred"]
        return in_grid(pred, image, "bilinear")

    def _discrete(self) -> AsDiscreted | None:
        return next((step for step in self._transforms if isinstance(step, AsDiscreted)), None)

    def _back_to_grid(self) -> list[Invertd]:
        """Return the transforms that bring labels back to the input's grid."""
        return [step for step in self._transforms[self._first_of_labels() :] if isinstance(step, Invertd)]

    def _first_of_labels(self) -> int:
        """Return the index of the first transform after which there are labels."""
        kinds = [isinstance(step, AsDiscreted) for step in self._transforms]
        return kinds.index(True) if any(kinds) else len(kinds)
