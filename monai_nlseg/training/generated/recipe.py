"""What the parts of a generated bundle are made from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from monai_nlseg.training.cases.case import Classes
from monai_nlseg.training.fingerprint.fingerprint import CaseFingerprint, Fingerprint
from monai_nlseg.training.generated.network import probe_network
from monai_nlseg.training.planning.plan import Plan
from monai_nlseg.training.planning.settings import Settings

LARGEST_VALUE = 65535
"""Label maps are written with 16 bits at most."""


@dataclass(frozen=True)
class Recipe:
    """A plan with what follows from it for the configs.

    Attributes:
        plan: the plan.
        name: name of the bundle's folder.
        outputs: number of channels of the network's output.
        side: side of the smallest image that the network takes; its multiples are taken, too.
        files: files of each image.
        merged: whether each label is made of several masks of one class.
    """

    plan: Plan
    name: str
    outputs: int
    side: int
    files: int
    merged: bool

    @property
    def settings(self) -> Settings:
        """The settings of the plan."""
        return self.plan.settings

    @property
    def found(self) -> Fingerprint:
        """The fingerprint of the data."""
        return self.plan.found

    @property
    def classes(self) -> Classes:
        """The classes of the data."""
        return self.found.classes

    @property
    def count(self) -> int:
        """The number of classes without the background."""
        return len(self.classes.foreground)

    @property
    def pictures(self) -> bool:
        """Whether the images are pictures and not volumes."""
        return self.settings.spatial_dims == 2

    @property
    def whole(self) -> bool:
        """Whether the network sees whole pictures and not windows."""
        return not self.settings.sampling.class_ratios

    @property
    def resized(self) -> bool:
        """Whether pictures are resized."""
        return self.settings.geometry.size is not None

    @property
    def resampled(self) -> bool:
        """Whether volumes are resampled."""
        return self.settings.geometry.spacing is not None

    @property
    def activation(self) -> Literal["softmax", "sigmoid"]:
        """What turns the network's output into probabilities."""
        return "sigmoid" if self.classes.overlapping or self.outputs == 1 else "softmax"

    @property
    def masks(self) -> bool:
        """Whether the label becomes a mask for each class, because classes may overlap."""
        return self.classes.overlapping

    @property
    def ignoring(self) -> bool:
        """Whether some voxels of the labels have not been annotated."""
        return self.classes.ignored is not None

    @property
    def foreground_only(self) -> bool:
        """Whether all outside the foreground is exactly zero in the network's input."""
        return all(each.kind == "zscore-nonzero" for each in self.settings.intensity)

    @property
    def values(self) -> tuple[int, ...]:
        """The value of each class in a label map."""
        return self.classes.painted or tuple(each.values[0] for each in self.classes.foreground)

    @property
    def cached_gb(self) -> float:
        """The memory that all cases take when a training keeps them, in units of 10^9 bytes."""
        channels = len(self.found.channels) + (self.count if self.masks else 1) + self.ignoring
        return round(sum(self._voxels(case) for case in self.found.cases) * 4 * channels / 1e9, 3)

    @property
    def epochs(self) -> int:
        """The number of epochs of a training."""
        return math.ceil(self.settings.schedule.iterations / self.settings.schedule.epoch)

    def _voxels(self, case: CaseFingerprint) -> float:
        """Return the voxels of a case in the network's grid."""
        geometry = self.settings.geometry
        if geometry.size is not None:
            return math.prod(geometry.size)
        if geometry.spacing is None:
            return math.prod(case.shape)
        return math.prod(case.shape) * math.prod(case.spacing) / math.prod(geometry.spacing)


def recipe_of(plan: Plan, name: str) -> Recipe:
    """Check a plan against its data, and return the recipe for its bundle.

    Args:
        plan: the plan.
        name: name of the bundle's folder.

    Raises:
        ValueError: for settings that do not fit each other or the data, and a network that cannot be built.
    """
    settings, found, classes = plan.settings, plan.found, plan.found.classes
    cases = [each.case for each in found.cases]
    count, dims = len(classes.foreground), settings.spatial_dims
    inputs = len(found.channels)
    _require(len(settings.intensity) == inputs, "intensity", len(settings.intensity), f"an entry for each of {inputs}")
    ratios, weights = settings.sampling.class_ratios, settings.schedule.class_weights
    _require(len(ratios) in (0, count + 1), "sampling.class_ratios", ratios, f"{count + 1} numbers or none")
    _require(len(weights) in (0, count + 1), "schedule.class_weights", weights, f"{count + 1} numbers or none")
    _require(bool(ratios) or settings.geometry.size is not None, "geometry.size", None, "one for whole pictures")
    sides = {"sampling.window": settings.sampling.window, "inference.step": settings.inference.step}
    for key, value in sides.items():
        _require(len(value) == dims, key, value, f"{dims} numbers")
    divisor = settings.network.divisor
    fits = not any(side % divisor for side in settings.sampling.window)
    _require(fits, "sampling.window", settings.sampling.window, f"sides divisible by {divisor}")
    outputs, side = probe_network(settings, inputs)
    allowed = [count] if classes.overlapping else [count + 1] + [1] * (count == 1)
    _require(outputs in allowed, "the output of the network", f"{outputs} channels", f"{allowed} for {count} classes")
    files = {len(case.images) for case in cases}
    if len(files) > 1:
        raise ValueError(f"the images have {sorted(files)} files each: give each image the same number of files.")
    largest = max((*classes.painted, *(value for each in classes.foreground for value in each.values)))
    if largest > LARGEST_VALUE:
        raise ValueError(
            f"a class has the label value {largest}, and label maps are written with values up to {LARGEST_VALUE}: "
            "give the classes other values."
        )
    merged = any(len(case.labels) > 1 for case in cases)
    if merged and (count > 1 or classes.ignored is not None):
        raise ValueError(f"labels of several masks are merged into one class, and there are {count}: give label maps.")
    return Recipe(plan, name, outputs, side, files.pop() if files else 1, merged)


def _require(fits: bool, key: str, given: object, expected: str) -> None:
    if not fits:
        raise ValueError(f"{key} is {given}: expected {expected}, so correct the plan.")
