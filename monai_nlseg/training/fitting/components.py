"""Which connected components of the classes stay, chosen by validation cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

SHARES = (0.01, 0.03, 0.1, 0.3)
"""Smallest components that may stay, as shares of all voxels of their class in the case."""


@dataclass(frozen=True)
class Components:
    """The connected components of a predicted class in one case, compared with its label.

    Attributes:
        voxels: voxels of each component; components join over faces, edges and corners.
        shared: voxels of each that the label has, too.
        labelled: voxels of the label.
    """

    voxels: np.ndarray
    shared: np.ndarray
    labelled: int

    @classmethod
    def of(cls, predicted: np.ndarray, label: np.ndarray) -> Components:
        """Find the components.

        Args:
            predicted: (*spatial) of bool.
            label: (*spatial) of bool.
        """
        labelled = int(np.count_nonzero(label))
        [box] = ndimage.find_objects(predicted.view(np.uint8)) or [None]
        if box is None:
            return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), labelled)
        corners = ndimage.generate_binary_structure(predicted.ndim, predicted.ndim)
        numbers, count = ndimage.label(predicted[box], corners)
        voxels = np.bincount(numbers.ravel(), minlength=count + 1)[1:]
        shared = np.bincount(numbers[label[box]], minlength=count + 1)[1:]
        return cls(voxels, shared, labelled)

    def dice(self, largest: bool = False, smallest: float = 0.0) -> float:
        """Return the Dice coefficient of the components that stay, 1 if neither prediction nor label has any.

        Args:
            largest: whether the largest component alone stays.
            smallest: share of the class's voxels that a component needs to stay.
        """
        kept = self.voxels >= smallest * self.voxels.sum()
        if largest and len(kept):
            kept = np.arange(len(kept)) == int(self.voxels.argmax())
        total = int(self.voxels[kept].sum()) + self.labelled
        return 2 * int(self.shared[kept].sum()) / total if total else 1.0  # as nlseg evaluate


@dataclass(frozen=True)
class ComponentChoice:
    """Which components stay, and what that gains.

    Attributes:
        largest: numbers of the classes, from 1, of which the largest component alone stays.
        smallest: share of their class's voxels that components of all classes need to stay; 0 if all stay.
        before, after: mean Dice of the validation cases over all classes, with all components and with those that stay.
    """

    largest: tuple[int, ...]
    smallest: float
    before: float
    after: float


def choose_components(classes: Sequence[Sequence[Components]], gain: float = 1e-4) -> ComponentChoice:
    """Choose the components of the highest mean Dice; all stay where removing some gains nothing.

    Args:
        classes: for each class, its components in each case.
        gain: smallest gain of mean Dice of a class, and of all classes, for which components are removed.
    """
    largest = tuple(
        number
        for number, cases in enumerate(classes, 1)
        if _mean([case.dice(largest=True) for case in cases]) >= _mean([case.dice() for case in cases]) + gain
    )
    before = _over_classes(classes, (), 0.0)
    kept = _over_classes(classes, largest, 0.0)
    tried = {share: _over_classes(classes, largest, share) for share in SHARES}
    best = max(tried, key=lambda share: tried[share])
    smallest = best if tried[best] >= kept + gain else 0.0
    return ComponentChoice(largest, smallest, before, tried[best] if smallest else kept)


def _over_classes(classes: Sequence[Sequence[Components]], largest: tuple[int, ...], smallest: float) -> float:
    return _mean(
        [_mean([case.dice(number in largest, smallest) for case in cases]) for number, cases in enumerate(classes, 1)]
    )


def _mean(values: list[float]) -> float:
    return float(np.mean(values))
