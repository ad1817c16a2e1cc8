"""Labelled cases, their classes, and a data set of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["training", "validation", "test"]


@dataclass(frozen=True)
class TrainingCase:
    """A labelled image.

    Attributes:
        name: unique name, like a path: "site/sub-01_ses-1". It holds no suffix of a file.
        images: absolute paths of the image's files, in the order of the network's channels. A file may hold several
            channels; then it is the only one.
        labels: absolute paths of its label maps. Several are masks of one class, which are merged by their union.
        subject: name of the subject. Cases of one subject stay in one part of a split.
        part: the part that the data set puts the case into, None if it does not say.
        fold: the fold, from 0, in which the data set tests the case, None if it does not say.
    """

    name: str
    images: tuple[str, ...]
    labels: tuple[str, ...]
    subject: str
    part: Part | None = None
    fold: int | None = None


@dataclass(frozen=True)
class LabelClass:
    """A class of a data set, other than the background.

    Attributes:
        name: its name, such as "CSF".
        values: the values of the label maps that belong to it. More than one for a region, which may overlap others;
            if none overlaps, the first is the value that a written label map holds.
    """

    name: str
    values: tuple[int, ...]


@dataclass(frozen=True)
class Classes:
    """What the values of label maps mean.

    Attributes:
        foreground: all classes but the background, in the order of the network's outputs.
        overlapping: whether a voxel may belong to several classes, as nnU-Net's regions do. Then each class is an
            output of its own, and a label map is painted in the order ``painted``.
        painted: for overlapping classes, for each class the value that its voxels get in a label map, in the order of
            ``foreground``; a later class is painted over an earlier one (``regions_class_order`` of nnU-Net). Otherwise
            empty.
        ignored: the value of voxels that are not annotated, None without one.
    """

    foreground: tuple[LabelClass, ...]
    overlapping: bool = False
    painted: tuple[int, ...] = ()
    ignored: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the network's outputs, without the background."""
        return tuple(each.name for each in self.foreground)


@dataclass(frozen=True)
class TrainingData:
    """A data set as found.

    Attributes:
        layout: name of the layout that was recognised, such as "nnU-Net", for people.
        source: what was given: a folder, a list, or the patterns.
        cases: the labelled cases, in the order of their names.
        classes: what the label values mean, None if the data set does not say; then the values that the label maps hold
            decide.
        channels: names of the image's channels, such as ("T1", "FLAIR"); empty if the data set does not say.
        left_out: a sentence for each file that pairs with nothing, with what was looked for.
        notes: sentences about what a person should look at, such as cases that may show the same subject.
    """

    layout: str
    source: str
    cases: tuple[TrainingCase, ...]
    classes: Classes | None = None
    channels: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
