"""The classes that a data set's ``labels`` describe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monai_nlseg.training.cases.case import Classes, LabelClass


def classes_of(labels: Mapping[str, Any], order: Sequence[int] | None = None, at: str = "labels") -> Classes:
    """Return the classes of ``labels`` as nnU-Net and the Medical Segmentation Decathlon write them.

    Args:
        labels: name -> value, or name -> list of values for a region; or value as text -> name. The value 0 is the
            background and "ignore" the value of voxels that are not annotated.
        order: for regions, the value that each is painted with, in the order of the regions
            (``regions_class_order`` of nnU-Net).
        at: where the labels stand, for the errors.

    Raises:
        ValueError: for anything but whole numbers from 0, values of two classes, regions that overlap without
            ``order``, and no class at all.
    """
    if not isinstance(labels, Mapping):
        raise ValueError(f"{at} are {labels!r:.100}: give a mapping of names to values, such as 'liver': 1.")
    values = {name: _values(name, given, at) for name, given in _by_name(labels, at).items()}
    ignored = next((value for name, (value, *_) in values.items() if name.lower() == "ignore"), None)
    named = {name: value for name, value in values.items() if name.lower() != "ignore" and value != (0,)}
    if not named:
        raise ValueError(f"{at} name no class but the background: give a name and a value for each class.")
    if wrong := [name for name, given in named.items() if 0 in given or ignored in given]:
        raise ValueError(f"{at}: the class '{wrong[0]}' holds the value of the background or 'ignore': take it out.")
    painted = _painted(named, order, at)
    if not _overlapping(named) and all(value in given for value, given in zip(painted, named.values())):
        first = dict(zip(named, painted))
        ordered = {name: tuple(sorted(given, key=first[name].__ne__)) for name, given in named.items()}
        return Classes(tuple(LabelClass(*each) for each in ordered.items()), ignored=ignored)
    return Classes(tuple(LabelClass(*each) for each in named.items()), True, painted, ignored)


def _by_name(labels: Mapping[str, Any], at: str) -> dict[str, Any]:
    """Return name -> value or values: the Decathlon and nnU-Net's first version write value -> name."""
    if not labels or not all(str(key).isdigit() and isinstance(value, str) for key, value in labels.items()):
        return {str(name): value for name, value in labels.items()}
    named: dict[str, Any] = {}
    for value, name in labels.items():
        if name in named:
            raise ValueError(f"{at}: the values {named[name]} and {value} are both '{name}': give each its own name.")
        named[name] = int(value)
    return named


def _values(name: str, given: Any, at: str) -> tuple[int, ...]:
    values = given if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
    if not values or any(not isinstance(value, int) or isinstance(value, bool) or value < 0 for value in values):
        raise ValueError(f"{at}: '{name}' has the value {given!r:.60}: give a whole number from 0, or a list of them.")
    return tuple(dict.fromkeys(values))


def _overlapping(named: Mapping[str, tuple[int, ...]]) -> bool:
    every = [value for given in named.values() for value in given]
    return len(every) > len(set(every))


def _painted(named: Mapping[str, tuple[int, ...]], order: Sequence[int] | None, at: str) -> tuple[int, ...]:
    if order is not None:
        if len(order) != len(named) or any(not isinstance(value, int) or value <= 0 for value in order):
            raise ValueError(
                f"regions_class_order of {at} is {order!r:.60}: give a value above 0 for each of {len(named)} classes."
            )
        return tuple(order)
    single = {name: given[0] for name, given in named.items() if len(given) == 1}
    if len(set(single.values())) < len(single):
        raise ValueError(f"{at} give two classes the same value in {single}: give each class its own.")
    if _overlapping(named):
        raise ValueError(f"{at} have regions that overlap: give regions_class_order, the value to paint each with.")
    return tuple(given[0] for given in named.values())
