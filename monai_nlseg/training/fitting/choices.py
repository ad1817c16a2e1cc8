"""What follows a network: chosen on validation cases, and kept only if it helps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from monai.transforms import KeepLargestConnectedComponent

from monai_nlseg.training.cases.case import TrainingCase
from monai_nlseg.training.fitting.calibration import Samples, TemperatureChoice, choose_temperature
from monai_nlseg.training.fitting.components import ComponentChoice, Components, choose_components
from monai_nlseg.training.fitting.held_out import HALF, Found, Truth, read_found, read_samples
from monai_nlseg.training.fitting.progress import Progress, Watch
from monai_nlseg.training.fitting.run import Run
from monai_nlseg.transforms import RemoveSmallComponents

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(4, 17))
"""Thresholds that are tried: 0.2 to 0.8."""
GAIN = 1e-4
"""Smallest gain of mean Dice for which a threshold other than 0.5 is taken."""


@dataclass(frozen=True)
class Choices:
    """What was chosen.

    Attributes:
        threshold: smallest probability of a class; 0.5 where the most probable class of a voxel is taken.
        thresholds: threshold -> mean Dice of the validation cases; empty where nothing is thresholded.
        components: which components stay.
        temperature: by which logits are divided.
        cases: number of validation cases.
    """

    threshold: float
    thresholds: dict[float, float]
    components: ComponentChoice
    temperature: TemperatureChoice
    cases: int

    @property
    def before(self) -> float:
        """Mean Dice of the validation cases without any of it."""
        return self.thresholds.get(HALF, self.components.before)

    @property
    def after(self) -> float:
        """Mean Dice of the validation cases with what was chosen."""
        return self.components.after

    def sentences(self, names: tuple[str, ...]) -> list[str]:
        """Return what was chosen and what it gains.

        Args:
            names: names of the classes.
        """
        lines = []
        if self.thresholds:
            lines.append(
                f"Threshold {self.threshold:g}: mean Dice {self.thresholds[self.threshold]:.4f}, with 0.5 "
                f"{self.thresholds[HALF]:.4f}."
            )
        kept = [names[number - 1] for number in self.components.largest]
        if kept:
            lines.append(f"Only the largest component stays of {', '.join(kept)}.")
        if self.components.smallest:
            lines.append(f"Components below {100 * self.components.smallest:g} % of their class are removed.")
        figures = f"mean Dice {self.components.after:.4f}, with all components {self.components.before:.4f}"
        lines.append(
            f"Components: {figures}."
            if kept or self.components.smallest
            else f"All components stay, as removing some gains nothing (mean Dice {self.components.before:.4f})."
        )
        calibration = self.temperature
        lines.append(
            f"Temperature {calibration.temperature:g}: negative log-likelihood {calibration.after:.4f} nats, with 1 "
            f"{calibration.before:.4f}."
            if calibration.temperature != 1
            else f"No temperature, as none lowers the negative log-likelihood ({calibration.before:.4f} nats)."
        )
        return lines


def choose(run: Run, watch: Watch) -> Choices:
    """Choose by the validation cases of all folds, each segmented by the network that has not seen it.

    The threshold is chosen first, then the components under it. The temperature changes no label.

    Args:
        run: the run, whose folds are done.
        watch: whoever watches.
    """
    cases = held_out_cases(run)
    thresholds: dict[float, list[list[float]]] = {}
    for number, case in cases:
        watch.require_going()
        found = read_found(run.folder.fold(number), case)
        if found.levels is None:
            break
        truth = Truth.of(case, run.classes)
        for threshold in THRESHOLDS:
            masks = _known(found.masks(run.values, threshold), truth)
            thresholds.setdefault(threshold, []).append([_dice(*pair) for pair in zip(masks, truth.masks)])
    means = {threshold: _mean_of_classes(values) for threshold, values in thresholds.items()}
    threshold = _best(means)

    classes: list[list[Components]] = [[] for _ in run.values]
    for done, (number, case) in enumerate(cases):
        watch.require_going()
        watch.report(Progress("measuring", None, done, len(cases)))
        truth = Truth.of(case, run.classes)
        masks = _known(read_found(run.folder.fold(number), case).masks(run.values, threshold), truth)
        for components, mask, true in zip(classes, masks, truth.masks):
            components.append(Components.of(mask, true))
    samples = Samples.joined([read_samples(run.folder.fold(number), case) for number, case in cases])
    return Choices(threshold, means, choose_components(classes), choose_temperature(samples), len(cases))


def held_out_cases(run: Run) -> list[tuple[int, TrainingCase]]:
    """Return the validation cases of all folds, each once, with the number of its fold.

    Args:
        run: the run.
    """
    cases: dict[str, tuple[int, TrainingCase]] = {}
    for number, fold in zip(run.folds, run.split.folds):
        for case in fold.validation:
            cases.setdefault(case.name, (number, case))
    return list(cases.values())


def labels_under(choices: Choices, found: Found, values: tuple[int, ...]) -> np.ndarray:
    """Return the label map of a case with what was chosen, as the bundle makes it.

    Args:
        choices: what was chosen.
        found: what the network found.
        values: value of each class in the label map.

    Returns:
        (*spatial), of the type of ``found.labels``.
    """
    masks = torch.from_numpy(found.masks(values, choices.threshold))
    largest, smallest = choices.components.largest, choices.components.smallest
    painted = np.zeros_like(found.labels)
    for number, (mask, value) in enumerate(zip(masks, values), 1):
        kept = mask[None].float()
        if number in largest:
            kept = KeepLargestConnectedComponent(applied_labels=[1], is_onehot=False)(kept)
        if smallest:
            kept = RemoveSmallComponents(smallest)(kept)
        painted[np.asarray(kept[0]) > 0] = value
    return painted


def _known(masks: np.ndarray, truth: Truth) -> np.ndarray:
    return masks if truth.known is None else masks & truth.known


def _dice(mask: np.ndarray, true: np.ndarray) -> float:
    total = int(mask.sum()) + int(true.sum())
    return 2 * int((mask & true).sum()) / total if total else float("nan")


def _mean_of_classes(cases: list[list[float]]) -> float:
    """Return the mean over the classes of their mean over the cases in which they are defined."""
    by_class = [[value for value in values if np.isfinite(value)] for values in zip(*cases)]
    known = [float(np.mean(values)) for values in by_class if values]
    return float(np.mean(known)) if known else float("nan")


def _best(means: dict[float, float]) -> float:
    if not means:
        return HALF
    best = max(means, key=lambda threshold: np.nan_to_num(means[threshold], nan=-1.0))
    return best if means[best] >= means[HALF] + GAIN else HALF
