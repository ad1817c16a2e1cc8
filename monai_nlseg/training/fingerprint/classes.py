"""The classes of a data set that does not name them, from the values of its label maps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from monai_nlseg.errors import listed
from monai_nlseg.evaluation.classes import BACKGROUND, FOREGROUND, MOST_VALUES, classes_of_values
from monai_nlseg.training.cases.case import Classes, LabelClass
from monai_nlseg.training.fingerprint.case import CaseFingerprint


def classes_found(maps: Sequence[Collection[int]]) -> Classes:
    """Return the classes of label maps: one for each value but 0, named "label 10" after it.

    A single class is named "foreground". Masks of 0 and one of 1, 255 and 65535 are one class together.

    Args:
        maps: the values in each label map.

    Raises:
        ValueError: if there is nothing but background, or so many values that they cannot be labels.
    """
    values = sorted(set().union(*maps) - {BACKGROUND})
    if not values:
        raise ValueError(
            "the label maps hold nothing but 0, the background: check that they are the label maps, and that small "
            "values were not lost when they were saved."
        )
    if len(values) > MOST_VALUES:
        raise ValueError(
            f"the label maps hold {len(values)} different values ({listed(values)}), more than {MOST_VALUES}: are they "
            "intensities? Give label maps."
        )
    found = classes_of_values(maps, [])
    if len(found) == 1:
        return Classes((LabelClass(FOREGROUND, found[0].values),))
    return Classes(tuple(LabelClass(f"label {each.name}", each.values) for each in found))


def classes_shown(declared: Classes, cases: Sequence[CaseFingerprint]) -> Classes:
    """Return the declared classes that some label map shows, in their order.

    Tables of names may be those of a whole atlas; a class that no label map shows cannot be learned.

    Args:
        declared: the classes that the data set names.
        cases: the usable cases.

    Raises:
        ValueError: if no label map shows any of them.
    """
    values = set().union(*(case.voxels for case in cases))
    shown = [number for number, each in enumerate(declared.foreground) if values & set(each.values)]
    if not shown:
        raise ValueError(
            f"no label map shows any of the classes {listed(declared.names)}, only background: check that they are the "
            "label maps, and that their values are the declared ones."
        )
    return replace(
        declared,
        foreground=tuple(declared.foreground[number] for number in shown),
        painted=tuple(declared.painted[number] for number in shown) if declared.painted else (),
    )


def with_class_names(case: CaseFingerprint, classes: Classes) -> CaseFingerprint:
    """Return a case that was measured value by value with the names of the classes.

    Args:
        case: measures by values.
        classes: the classes; no label map holds two values of one class.
    """
    held = {
        each.name: next((str(value) for value in each.values if value in case.voxels), "")
        for each in classes.foreground
    }
    return replace(
        case,
        thickness={name: case.thickness.get(value) for name, value in held.items()},
        specks={name: case.specks.get(value, 0) for name, value in held.items()},
    )
