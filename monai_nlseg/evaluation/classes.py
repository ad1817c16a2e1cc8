"""The classes of label maps and the values that stand for them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monai_nlseg.bounds import shown

BACKGROUND = 0
FOREGROUND = "foreground"
MASK_VALUES = {1, 255, 65535}
"""Values of the foreground in masks of 1, 8 and 16 bits."""
MOST_VALUES = 256


@dataclass(frozen=True)
class LabelClass:
    """A class of label maps.

    Attributes:
        name: name of the class.
        values: values that stand for it in either map.
    """

    name: str
    values: tuple[int, ...]


def parse_classes(text: str) -> tuple[LabelClass, ...]:
    """Read classes from text such as ``1=CSF,2=GM,3=WM``.

    A class may have no name (``1,2``) or several values (``1+10=CSF``), which merge structures or read maps that use
    different numbers for one class.

    Args:
        text: the classes, separated by commas.

    Raises:
        ValueError: for a value that is not a positive whole number, and for a value or name given twice.
    """
    classes = []
    for part in text.split(","):
        numbers, _, name = part.partition("=")
        try:
            values = tuple(int(number) for number in numbers.split("+"))
        except ValueError:
            raise ValueError(f"--classes {shown(part)} has no whole number: give classes such as 1=CSF,2=GM.") from None
        if not name.isprintable():
            raise ValueError(f"--classes {part!r} has a name that cannot be printed: give classes such as 1=CSF,2=GM.")
        if BACKGROUND in values:
            raise ValueError(f"--classes '{part}' names {BACKGROUND}, the background: leave it out.")
        classes.append(LabelClass(name.strip() or numbers.strip(), values))
    _refuse_twice(text, "value", [value for each in classes for value in each.values])
    _refuse_twice(text, "name", [each.name for each in classes])
    return tuple(classes)


def classes_of_values(
    labels: Sequence[Collection[int]], predictions: Sequence[Collection[int]]
) -> tuple[LabelClass, ...]:
    """Return the classes of a cohort: one for each value but the background in any label map, named after it.

    Masks are the exception. If all label maps together hold one value beside the background and so do all predictions,
    or if no file holds more than one and all values are 1, 255 or 65535, the values are one class, named "foreground"
    where they differ. If no label map holds anything but background, the predictions' values are taken.

    Args:
        labels, predictions: the values in each file.

    Raises:
        ValueError: if there is nothing but background, or so many values that they cannot be labels.
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
    """Check that a map holds only the background and the classes.

    Args:
        values: values of the map, of any shape.
        classes: the classes.
        path: file of the map, named in the error.

    Raises:
        ValueError: for other values (up to five are named), or if there is no class.
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
