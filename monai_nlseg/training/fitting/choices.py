"""What follows a network: chosen on validation cases, and kept only if it helps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from monai.transforms import KeepLargestConnectedComponent

from monai_nlseg.training.cases.case import TrainingCase
from monai_nlseg.training.fitting.calibration import Samples, TemperatureChoice, choose_temperature
from monai_nlseg.training.fitting.components import ComponentChoice, Components, choose_components
from monai_nlseg.training.fitting.held_out import HALF, Found, Truth, read_found, read_samples
from monai_nlseg.training.fitting.progress import Progress, Watch
from monai_nlseg.training.fitting.result import four_digits
from monai_nlseg.training.fitting.run import Run
from monai_nlseg.transforms import RemoveSmallComponents

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(4, 17))
"""Thresholds that are tried: 0.2 to 0.8."""
GAIN = 1e-4
"""Smallest gain of mean Dice for which a threshold other than 0.5 is taken, or components are removed."""
EVERYTHING = ComponentChoice((), 0.0, 0.0, 0.0)
"""All components stay."""


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
                f"Threshold {self.threshold:g}: mean Dice {four_digits(self.thresholds[self.threshold])}, with 0.5 "
                f"{four_digits(self.thresholds[HALF])}."
            )
        kept = [names[each - 1] for each in self.components.largest]
        if kept:
            lines.append(f"Only the largest component of {', '.join(kept)} stays.")
        if self.components.smallest:
            lines.append(f"Components below {100 * self.components.smallest:g} % of their class are removed.")
        before = four_digits(self.components.before)
        lines.append(
            f"Removing these components changes the mean Dice from {before} to {four_digits(self.components.after)}."
            if kept or self.components.smallest
            else f"All components are kept, because removing some does not raise the mean Dice ({before})."
        )
        calibration = self.temperature
        lines.append(
            f"Temperature {calibration.temperature:g}: negative log-likelihood {calibration.after:.4f} nats, with 1 "
            f"{calibration.before:.4f}."
            if calibration.temperature != 1
            else f"Temperature 1, because no other lowers the negative log-likelihood ({calibration.before:.4f} nats)."
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
            labels = labels_under(threshold, EVERYTHING, found, run.values)
            thresholds.setdefault(threshold, []).append(_dice_of_classes(labels, truth, run))
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
    chosen = choose_components(classes)
    if run.classes.overlapping:
        chosen = _as_painted(run, cases, threshold, chosen)
    return Choices(threshold, means, chosen, choose_temperature(samples), len(cases))


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


def labels_under(threshold: float, components: ComponentChoice, found: Found, values: tuple[int, ...]) -> np.ndarray:
    """Return the label map of a case with what was chosen, as the bundle makes it.

    Args:
        threshold: smallest probability of a class, where classes are thresholded.
        components: which components stay.
        found: what the network found.
        values: value of each class in the label map.

    Returns:
        (*spatial), of the type of ``found.labels``.
    """
    masks = torch.from_numpy(found.masks(values, threshold))
    painted = np.zeros_like(found.labels)
    for each, (mask, value) in enumerate(zip(masks, values), 1):
        kept = mask[None].float()
        if each in components.largest:
            kept = KeepLargestConnectedComponent(applied_labels=[1], is_onehot=False)(kept)
        if components.smallest:
            kept = RemoveSmallComponents(components.smallest)(kept)
        painted[np.asarray(kept[0]) > 0] = value
    return painted


def _as_painted(
    run: Run, cases: list[tuple[int, TrainingCase]], threshold: float, chosen: ComponentChoice
) -> ComponentChoice:
    """Return the choice if it helps the label maps, in which overlapping classes are painted over each other."""

    def mean(components: ComponentChoice) -> float:
        found = ((read_found(run.folder.fold(number), case), Truth.of(case, run.classes)) for number, case in cases)
        return _mean_of_classes(
            [
                _dice_of_classes(labels_under(threshold, components, each, run.values), truth, run)
                for each, truth in found
            ]
        )

    before, after = mean(EVERYTHING), mean(chosen)
    if after < before + GAIN:
        chosen, after = EVERYTHING, before
    return replace(chosen, before=before, after=after)


def _dice_of_classes(labels: np.ndarray, truth: Truth, run: Run) -> list[float]:
    masks = _known(np.stack([np.isin(labels, values) for values in run.shown]), truth)
    return [_dice(*pair) for pair in zip(masks, truth.masks)]


def _known(masks: np.ndarray, truth: Truth) -> np.ndarray:
    return masks if truth.known is None else masks & truth.known


def _dice(mask: np.ndarray, true: np.ndarray) -> float:
    total = int(mask.sum()) + int(true.sum())
    return 2 * int((mask & true).sum()) / total if total else 1.0  # as nlseg evaluate


def _mean_of_classes(cases: list[list[float]]) -> float:
    return float(np.mean(cases))


def _best(means: dict[float, float]) -> float:
    if not means:
        return HALF
    best = max(means, key=lambda threshold: means[threshold])
    return best if means[best] >= means[HALF] + GAIN else HALF
