"""Which values of a label map are which class."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["LabelClass", "check_values", "classes_of_values", "parse_classes"]

BACKGROUND = 0
FOREGROUND = "foreground"
MASK_VALUES = {1, 255, 65535}
"""Values of the foreground in masks of 1, 8 and 16 bits."""
MOST_VALUES = 256


@dataclass(frozen=True)
class LabelClass:
    """A class: its name and the values that stand for it in either map."""

    name: str
    values: tuple[int, ...]


def parse_classes(text: str) -> tuple[LabelClass, ...]:
    """Read ``1=CSF,2=GM,3=WM``; a class may have no name (``1,2``) or several values (``1+10=CSF``).

    Several values merge structures, or read maps that use different numbers for one class.

    Raises:
        ValueError: for what is not a positive whole number, and for a value or name that comes twice.
    """
    classes = []
    for part in text.split(","):
        numbers, _, name = part.partition("=")
        try:
            values = tuple(int(number) for number in numbers.split("+"))
        except ValueError:
            raise ValueError(f"--classes '{part}' has no whole number: give classes such as 1=CSF,2=GM.") from None
        if BACKGROUND in values:
            raise ValueError(f"--classes '{part}' names {BACKGROUND}, the background: leave it out.")
        classes.append(LabelClass(name.strip() or numbers.strip(), values))
    _refuse_twice(text, "value", [value for each in classes for value in each.values])
    _refuse_twice(text, "name", [each.name for each in classes])
    return tuple(classes)


def classes_of_values(
    labels: Sequence[Collection[int]], predictions: Sequence[Collection[int]]
) -> tuple[LabelClass, ...]:
    """Return the classes of a cohort: one for each value but the background in any label map, called after it.

    Masks are the exception: where all label maps together hold one value beside the background, and all predictions
    one, or where no file holds more than one and all are 1, 255 or 65535, these are one class. It is called
    "foreground" if the values differ. Where no label map holds anything, the predictions' values count.

    Args:
        labels, predictions: the values of each file.

    Raises:
        ValueError: if there is nothing but background, or so many values that they are no labels.
    """
    true, predicted = (sorted(set().union(*maps) - {BACKGROUND}) for maps in (labels, predictions))
    found = sorted({*true, *predicted}) if _are_masks([*labels, *predictions], true, predicted) else true or predicted
    if not found:
        raise ValueError("no label map holds anything but background: name the classes, such as --classes 1=nerve.")
    if len(found) > MOST_VALUES:
        raise ValueError(
            f"the label maps hold {len(found)} different values, more than {MOST_VALUES}: are they intensities? Give "
            "label maps, or name the classes with --classes."
        )
    if len(found) > 1 and _are_masks([*labels, *predictions], true, predicted):
        return (LabelClass(FOREGROUND, tuple(found)),)
    return tuple(LabelClass(str(value), (value,)) for value in found)


def _are_masks(maps: Sequence[Collection[int]], true: Sequence[int], predicted: Sequence[int]) -> bool:
    if len(true) <= 1 and len(predicted) <= 1:
        return True
    return {*true, *predicted} <= MASK_VALUES and all(len({*values} - {BACKGROUND}) <= 1 for values in maps)


def check_values(values: np.ndarray, classes: Sequence[LabelClass], path: Path) -> None:
    """Check that a map holds the background and the classes alone.

    Args:
        values: of the map, of any shape.
        classes: the classes.
        path: the file, for the error.

    Raises:
        ValueError: naming up to five other values, or if there is no class.
    """
    if not classes:
        raise ValueError(
            f"'{path}' could not be measured without a class, and no file that could be read holds one: name the "
            "classes, such as --classes 1=nerve."
        )
    known = {BACKGROUND, *(value for each in classes for value in each.values)}
    unknown = [value for value in np.unique(values).tolist() if value not in known]
    if unknown:
        raise ValueError(
            f"'{path}' holds the label values {unknown[:5]}, expected only {sorted(known)}: map them, or name them "
            "with --classes, as 1+10=CSF if predictions and label maps number a class differently."
        )


def _refuse_twice(text: str, what: str, listed: Sequence[object]) -> None:
    twice = [item for index, item in enumerate(listed) if item in listed[:index]]
    if twice:
        raise ValueError(f"--classes '{text}' has the {what} {twice[0]} twice: give each once.")
