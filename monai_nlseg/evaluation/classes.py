"""Which values of a label map are which class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from monai_nlseg.evaluation.label_map import LabelMap

__all__ = ["LabelClass", "check_values", "classes_of_values", "parse_classes"]

BACKGROUND = 0
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


def classes_of_values(values: Iterable[int]) -> tuple[LabelClass, ...]:
    """One class for each value but the background, called after it.

    Raises:
        ValueError: if there is none, or so many that they are no labels.
    """
    found = sorted(set(values) - {BACKGROUND})
    if not found:
        raise ValueError("no label map holds anything but background: name the classes, such as --classes 1=nerve.")
    if len(found) > MOST_VALUES:
        raise ValueError(
            f"the label maps hold {len(found)} different values, more than {MOST_VALUES}: are they intensities? Give "
            "label maps, or name the classes with --classes."
        )
    return tuple(LabelClass(str(value), (value,)) for value in found)


def check_values(map_: LabelMap, classes: Sequence[LabelClass]) -> None:
    """Check that a map holds the background and the classes alone.

    Raises:
        ValueError: naming up to five other values.
    """
    known = {BACKGROUND, *(value for each in classes for value in each.values)}
    unknown = [value for value in np.unique(map_.values).tolist() if value not in known]
    if unknown:
        raise ValueError(
            f"'{map_.path}' holds the label values {unknown[:5]}, expected only {sorted(known)}: map them, or name "
            "them with --classes."
        )


def _refuse_twice(text: str, what: str, listed: Sequence[object]) -> None:
    twice = [item for index, item in enumerate(listed) if item in listed[:index]]
    if twice:
        raise ValueError(f"--classes '{text}' has the {what} {twice[0]} twice: give each once.")
