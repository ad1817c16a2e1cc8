"""A run: a plan, the division of its data, and the folder of its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from monai_nlseg.training.cases.case import Classes
from monai_nlseg.training.cases.splits import Split
from monai_nlseg.training.fitting.folder import RunFolder
from monai_nlseg.training.planning.plan import Plan
from monai_nlseg.training.planning.settings import Settings


@dataclass(frozen=True)
class Run:
    """A run that has been prepared.

    Attributes:
        folder: its folder.
        plan: its plan.
        split: the division of its cases.
        digest: digest of all that its weights depend on.
        device: device of the networks; None for the first GPU, or the processor without one.
    """

    folder: RunFolder
    plan: Plan
    split: Split
    digest: str
    device: str | None = None

    @property
    def name(self) -> str:
        """The name of the bundle and of the run in trackers: that of the folder."""
        return self.folder.path.name

    @property
    def settings(self) -> Settings:
        """The settings of the plan."""
        return self.plan.settings

    @property
    def classes(self) -> Classes:
        """The classes of the data."""
        return self.plan.found.classes

    @property
    def values(self) -> tuple[int, ...]:
        """The value of each class in a label map that the bundle writes."""
        return self.classes.painted or tuple(each.values[0] for each in self.classes.foreground)

    @property
    def shown(self) -> tuple[tuple[int, ...], ...]:
        """The values by which each class is seen in a label map: where classes overlap, also those painted over it."""
        seen = [set(each.values) for each in self.classes.foreground]
        if self.classes.overlapping:
            within = [[value for value, other in zip(self.values, seen) if other <= each] for each in seen]
            seen = [{*each, *painted} for each, painted in zip(seen, within)]
        return tuple(tuple(sorted(each)) for each in seen)

    @property
    def folds(self) -> range:
        """The numbers of the folds, from 1."""
        return range(1, len(self.split.folds) + 1)

    @property
    def on_device(self) -> dict[str, Any]:
        """The config id of the device, if one was given."""
        return {} if self.device is None else {"device": f"$torch.device({self.device!r})"}
