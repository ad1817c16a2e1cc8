"""Which cases show a structure and which do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from monai_nlseg.io.pictures.checks import read_mask


def positive_flags(datalist: Iterable[Mapping[str, Any]]) -> list[bool]:
    """Return for each entry whether its case shows the structure.

    Args:
        datalist: entries with "positive", or else with a mask in the file "label", which is read.
    """
    return [bool(case["positive"] if "positive" in case else read_mask(case["label"]).any()) for case in datalist]


def positives_and_negatives(positive: Sequence[bool | int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the positive cases and those of the negative ones.

    Args:
        positive: one flag per case, 1 or True if it shows the structure.

    Raises:
        ValueError: for other values than 0 and 1, or flags that are all alike.
    """
    flags = np.asarray(positive)
    if flags.ndim != 1 or not np.isin(flags, (0, 1)).all():
        raise ValueError(f"the flags of positives are {_short(positive)}: give 0 or 1 (False or True) for each case.")
    positives, negatives = np.flatnonzero(flags), np.flatnonzero(flags == 0)
    if not len(positives) or not len(negatives):
        raise ValueError(
            f"there are {len(positives)} positive and {len(negatives)} negative cases: give at least one of each."
        )
    return positives, negatives


def _short(values: object) -> str:
    text = str(values)
    return text if len(text) <= 60 else text[:60] + "..."
