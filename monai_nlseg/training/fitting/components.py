"""Which connected components of a class stay, chosen by validation cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

SHARES = (0.01, 0.03, 0.1, 0.3)
"""Smallest components that may stay, as shares of all voxels of their class in the case."""
LARGEST = "largest"


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
        numbers, count = ndimage.label(
            predicted[box], ndimage.generate_binary_structure(predicted.ndim, predicted.ndim)
        )
        voxels = np.bincount(numbers.ravel(), minlength=count + 1)[1:]
        shared = np.bincount(numbers[label[box]], minlength=count + 1)[1:]
        return cls(voxels, shared, labelled)

    def dice(self, rule: str | float | None) -> float:
        """Return the Dice coefficient under a rule, NaN if neither prediction nor label has the class.

        Args:
            rule: "largest" for the largest component alone, a number for those with at least this share of the class's
                voxels, None for all.
        """
        kept = np.ones(len(self.voxels), bool)
        if rule == LARGEST and len(kept):
            kept = np.arange(len(kept)) == int(self.voxels.argmax())
        elif isinstance(rule, float):
            kept = self.voxels >= rule * self.voxels.sum()
        total = int(self.voxels[kept].sum()) + self.labelled
        return 2 * int(self.shared[kept].sum()) / total if total else float("nan")


@dataclass(frozen=True)
class RuleChoice:
    """The rule for the components of one class, and what it gains.

    Attributes:
        rule: "largest", a share, or None, as for :meth:`Components.dice`.
        before, after: mean Dice of the validation cases with all components, and under the best other rule.
        cases: number of cases that the means are of.
        tried: the best other rule, which is ``rule`` if it is kept.
    """

    rule: str | float | None
    before: float
    after: float
    cases: int
    tried: str | float


def choose_rule(cases: Sequence[Components], gain: float = 1e-4) -> RuleChoice:
    """Choose the rule of the highest mean Dice over the cases; all components stay unless another rule gains.

    Args:
        cases: the components of one class in each case.
        gain: smallest gain of mean Dice for which components are removed.
    """
    before, count = _mean(cases, None)
    tried = {rule: _mean(cases, rule)[0] for rule in (LARGEST, *SHARES)}
    best = max(tried, key=lambda rule: tried[rule] if np.isfinite(tried[rule]) else -1.0)
    kept = best if tried[best] >= before + gain else None
    return RuleChoice(kept, before, tried[best], count, best)


def _mean(cases: Sequence[Components], rule: str | float | None) -> tuple[float, int]:
    values = np.array([case.dice(rule) for case in cases], float)
    known = values[np.isfinite(values)]
    return (float(known.mean()) if len(known) else float("nan")), len(known)
