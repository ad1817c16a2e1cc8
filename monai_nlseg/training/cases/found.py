"""What the reader of a layout returns, before names, files and subjects are checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monai_nlseg.training.cases.case import Classes, Part


@dataclass(frozen=True)
class FoundCase:
    """A labelled image as a layout describes it.

    Attributes:
        name: name of the case, like a path.
        images: paths of the image's files, in the order of the channels.
        labels: paths of its label maps.
        part, fold: as in :class:`~monai_nlseg.training.cases.case.TrainingCase`.
        columns: what a table says about the case; "subject" is the name of its subject.
    """

    name: str
    images: tuple[str, ...]
    labels: tuple[str, ...]
    part: Part | None = None
    fold: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundData:
    """The content of a data set as its layout describes it.

    Attributes:
        cases: the cases, in any order.
        classes, channels, left_out: as in :class:`~monai_nlseg.training.cases.case.TrainingData`.
    """

    cases: tuple[FoundCase, ...]
    classes: Classes | None = None
    channels: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A layout of data sets.

    Attributes:
        title: name for people.
        tree: an example of its files, a line for each.
        recognised: path -> the data set's folder or list if the path holds one of this layout, else None.
        read: what ``recognised`` returned, and the names of the channels -> the content.
    """

    title: str
    tree: str
    recognised: Callable[[Path], Path | None]
    read: Callable[[Path, Sequence[str]], FoundData]


class LayoutError(ValueError):
    """A data set that is not laid out as expected.

    Attributes:
        sentence: what was found, and what to do.
        tree: the expected layout, a line for each file.
    """

    def __init__(self, sentence: str, tree: str) -> None:
        """Store the sentence and the tree, which together are the message."""
        super().__init__(f"{sentence}\n{tree}")
        self.sentence = sentence
        self.tree = tree
