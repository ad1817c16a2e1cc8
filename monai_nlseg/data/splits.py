"""Parts of a datalist for training, validation and test.

Each function depends on the datalist's order and ``seed`` alone; five repeats are five seeds. The random numbers are
those of NumPy's RandomState, which is frozen, so a split is the same with any version of NumPy.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from monai_nlseg.data.flags import positives_and_negatives

Case = TypeVar("Case", bound=Mapping[str, Any])


def stratified_split(datalist: Sequence[Case], by: str, ratios: Sequence[float], seed: int = 0) -> list[list[Case]]:
    """Split cases at random into parts with the same share of each class.

    A class of n cases is cut at ``n * (sum of the ratios up to there)``, rounded, halves upwards: every part has its
    share within one case, and every case is in exactly one part. (MONAI's ``partition_dataset_classes`` rounds each
    part by itself and so drops cases: one of ten for the ratios 1, 1, 1.)

    Source: LAEDNet (2022): BP 9:1 by positive and negative, BUSI 8:2 by normal, benign and malignant, five repeats.

    Args:
        datalist: cases of a MONAI datalist.
        by: key of the class in each case.
        ratios: relative sizes of two parts or more, above 0.
        seed: seed of the shuffling, 0 to 2^32 - 1.

    Returns:
        The parts, each in the datalist's order.

    Raises:
        ValueError: for ratios that are not positive, a case without the key, or a class too small for every part.

    Examples::

        >>> datalist = [{"case": number, "positive": number < 20} for number in range(50)]
        >>> for repeat in range(5):
        ...     train, test = stratified_split(datalist, "positive", [9, 1], seed=repeat)
        >>> len(train), len(test), sum(case["positive"] for case in test)
        (45, 5, 2)
    """
    bounds = _bounds(ratios)
    shuffler = np.random.RandomState(seed)
    parts: list[list[int]] = [[] for _ in ratios]
    for value, indices in _indices_of(datalist, by).items():
        cuts = np.floor(bounds * len(indices) + 0.5).astype(int)
        pieces = np.split(shuffler.permutation(indices), cuts[:-1])
        if not all(map(len, pieces)):
            raise ValueError(
                f"'{by}' {value!r} has {len(indices)} cases, too few for each of {len(parts)} parts of ratio "
                f"{list(ratios)}: give more, or other ratios."
            )
        for part, piece in zip(parts, pieces):
            part.extend(piece.tolist())
    return [_select(datalist, part) for part in parts]


def group_split(datalist: Sequence[Case], by: str, ratios: Sequence[float], seed: int = 0) -> list[list[Case]]:
    """Split cases at random into parts that never share a group: all cases of a patient or child are in one part.

    The groups are shuffled, and their sequence is cut where the number of cases so far is nearest to the ratios, with
    at least one group in each part. Every case is in exactly one part. In two parts, the sizes are off the ratio by the
    cases of one group at most.

    Args:
        datalist: cases of a MONAI datalist.
        by: key of the group in each case.
        ratios: relative sizes of two parts or more in cases, above 0.
        seed: seed of the shuffling, 0 to 2^32 - 1.

    Returns:
        The parts, each in the datalist's order.

    Raises:
        ValueError: for ratios that are not positive, a case without the key, or fewer groups than parts.

    Examples::

        >>> datalist = [{"case": number, "patient": number // 2} for number in range(40)]
        >>> train, validation, test = group_split(datalist, "patient", [8, 1, 1])
        >>> len(train), len(validation), len(test)
        (32, 4, 4)
    """
    bounds = _bounds(ratios)
    groups = list(_indices_of(datalist, by).values())
    if len(groups) < len(ratios):
        raise ValueError(f"there are {len(groups)} groups by '{by}' for {len(ratios)} parts: give fewer ratios.")
    row = [groups[index] for index in np.random.RandomState(seed).permutation(len(groups))]
    cases_before = np.cumsum([0] + [len(group) for group in row])
    cuts = [0]
    for number, bound in enumerate(bounds[:-1], start=1):
        first, last = cuts[-1] + 1, len(row) - (len(ratios) - number)
        distance = np.abs(cases_before[first : last + 1] - bound * len(datalist))
        cuts.append(first + int(distance.argmin()))
    pieces = (row[start:stop] for start, stop in zip(cuts, [*cuts[1:], len(row)]))
    return [_select(datalist, [index for group in piece for index in group]) for piece in pieces]


def balanced_split(
    datalist: Sequence[Case], by: str = "positive", fraction: float = 0.8, seed: int = 0
) -> tuple[list[Case], list[Case]]:
    """Split cases for training and validation, each part with as many negative as positive cases.

    The other negatives are dropped. Of P positives, ``int(fraction * P)`` are for training: 2,323 positives give 3,716
    and 930 cases.

    Source: published code of the VRDL report (2022), which gives no seed. It splits by image, so that
    images of one patient are in both parts; for an estimate of new patients use :func:`group_split`.

    Args:
        datalist: cases of a MONAI datalist.
        by: key of the flag in each case, 1 or True if it shows the structure.
        fraction: part of the positives for training.
        seed: seed of the shuffling, 0 to 2^32 - 1.

    Returns:
        Training and validation cases, each in the datalist's order.

    Raises:
        ValueError: for a case without the key, a flag other than 0 and 1, fewer negatives than positives, or a fraction
            that leaves a part empty.

    Examples::

        >>> datalist = [{"case": number, "positive": number < 20} for number in range(50)]
        >>> train, validation = balanced_split(datalist)
        >>> len(train), len(validation), sum(case["positive"] for case in validation)
        (32, 8, 4)
    """
    positives, negatives = positives_and_negatives([_value(datalist, index, by) for index in range(len(datalist))])
    count = len(positives)
    if len(negatives) < count:
        raise ValueError(f"{len(negatives)} negatives are too few for {count} positives: use stratified_split instead.")
    training = int(fraction * count)
    if not 0 < training < count:
        raise ValueError(f"a fraction of {fraction} of {count} positives leaves a part empty: give another.")
    shuffler = np.random.RandomState(seed)
    pairs = np.stack((shuffler.permutation(positives), shuffler.permutation(negatives)[:count]))
    return _select(datalist, pairs[:, :training].ravel()), _select(datalist, pairs[:, training:].ravel())


def _bounds(ratios: Sequence[float]) -> np.ndarray:
    """Return where each part ends, as a share of the whole."""
    if len(ratios) < 2 or not all(0 < ratio < float("inf") for ratio in ratios):
        raise ValueError(f"ratios {list(ratios)} make no parts: give two positive numbers or more.")
    return np.cumsum(ratios) / sum(ratios)


def _indices_of(datalist: Sequence[Case], by: str) -> dict[Hashable, list[int]]:
    indices: dict[Hashable, list[int]] = {}
    for index in range(len(datalist)):
        indices.setdefault(_value(datalist, index, by), []).append(index)
    return indices


def _value(datalist: Sequence[Case], index: int, by: str) -> Any:
    try:
        return datalist[index][by]
    except KeyError:
        raise ValueError(f"case {index} has no '{by}', only {list(datalist[index])}: give one of its keys.") from None


def _select(datalist: Sequence[Case], indices: Sequence[int] | np.ndarray) -> list[Case]:
    return [datalist[index] for index in sorted(indices)]
