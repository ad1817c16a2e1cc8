"""The three ultrasound data sets of LAEDNet's paper under one name each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from monai_nlseg.data.busi import busi_datalist
from monai_nlseg.data.hc18 import hc18_datalist
from monai_nlseg.data.splits import group_split, stratified_split
from monai_nlseg.data.ultrasound_nerve import ultrasound_nerve_datalist

Datalist = list[dict[str, Any]]


@dataclass(frozen=True)
class UltrasoundTask:
    """What differs between the data sets.

    Attributes:
        read: folder -> datalist with "positive", the reader of the data set.
        parts: datalist, seed=... -> training and validation part.
        structure: name of what the label shows.
        undersampled: whether an epoch shows only half of the negatives (periodic under-sampling).
        contour: whether the label is a drawn outline that has to be filled.
        connected: whether an image shows one structure in one piece.
    """

    read: Callable[[str | Path], Datalist]
    parts: Callable[..., list[Datalist]]
    structure: str
    undersampled: bool = False
    contour: bool = False
    connected: bool = False

    def split(self, datalist: Sequence[dict[str, Any]], seed: int = 0) -> list[Datalist]:
        """Split the cases of a data list for training and validation.

        Args:
            datalist: what :attr:`read` returned.
            seed: seed of the split; the paper's five repeats are the seeds 0 to 4 here.

        Returns:
            The training and the validation part.
        """
        return self.parts(datalist, seed=seed)


ULTRASOUND_TASKS = {
    "nerve": UltrasoundTask(
        ultrasound_nerve_datalist,
        partial(stratified_split, by="positive", ratios=[9, 1]),
        structure="nerve",
        undersampled=True,
    ),
    "breast": UltrasoundTask(
        busi_datalist, partial(stratified_split, by="class", ratios=[8, 2]), structure="breast lesion"
    ),
    "fetal-head": UltrasoundTask(
        hc18_datalist,
        partial(group_split, by="subject", ratios=[8, 2]),
        structure="fetal head",
        contour=True,
        connected=True,
    ),
}


def ultrasound_task(name: str) -> UltrasoundTask:
    """Return the reader and the split of "nerve" (Kaggle), "breast" (BUSI) or "fetal-head" (HC18).

    Args:
        name: "nerve", "breast" or "fetal-head".

    Source: LAEDNet (2022): nerve 9:1 by positive and negative, with under-sampling, BUSI 8:2 by class, HC18 800 and 199
    images. The paper does not say by which rule HC18 was divided; here no fetus is in both parts.

    Raises:
        ValueError: for another name.

    Examples::

        >>> from tempfile import TemporaryDirectory
        >>> from monai_nlseg.simulate import simulate_breast
        >>> task = ultrasound_task("breast")
        >>> with TemporaryDirectory() as folder:
        ...     _ = simulate_breast(folder, 20, size=(40, 32))
        ...     training, validation = task.split(task.read(folder), seed=0)
        >>> len(training), len(validation)
        (16, 4)
    """
    if name not in ULTRASOUND_TASKS:
        raise ValueError(f"task '{name}' is unknown: choose from {', '.join(ULTRASOUND_TASKS)}.")
    return ULTRASOUND_TASKS[name]
