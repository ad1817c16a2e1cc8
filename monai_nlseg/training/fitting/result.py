"""What a training leaves, as a value that prints well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TrainingResult:
    """The result of a run.

    Attributes:
        folder: folder of the run.
        folds: number of folds.
        done: numbers of the folds that are trained, from 1.
        scores: content of ``result.json``: "validation" and "test" with "cases", "mean_dice" and "classes" (class ->
            metric -> "n", "mean", "std", "median"), and "choices", sentences about what follows the network; None until
            all folds are done.
    """

    folder: Path
    folds: int
    done: tuple[int, ...]
    scores: Mapping[str, Any] | None

    @property
    def bundle(self) -> Path:
        """The bundle, which has weights once all folds are done."""
        return self.folder / "bundle"

    def __str__(self) -> str:
        if self.scores is None:
            missing = [str(number) for number in range(1, self.folds + 1) if number not in self.done]
            return (
                f"{len(self.done)} of {self.folds} folds in '{self.folder}' are trained, {', '.join(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} not; the last one to end writes the bundle."
            )
        lines = [f"bundle: {self.bundle}"]
        for part, title in (("validation", self._validation_title), ("test", "test part, which chose nothing")):
            if (scores := self.scores[part]) is not None:
                lines.append(f"{title}, {scores['cases']} cases: mean Dice {four_digits(scores['mean_dice'])}")
                lines += [
                    f"  {name}: Dice {four_digits(found['dice']['mean'])} (standard deviation "
                    f"{four_digits(found['dice']['std'])}, n = {found['dice']['n']})"
                    for name, found in scores["classes"].items()
                ]
        return "\n".join([*lines, *self.scores["choices"]])

    @property
    def _validation_title(self) -> str:
        return "validation part" if self.folds == 1 else f"cross-validation of {self.folds} folds"


def four_digits(value: float | None) -> str:
    """Return a metric as text, "undefined" without one.

    Args:
        value: the metric.
    """
    return "undefined" if value is None else f"{value:.4f}"
