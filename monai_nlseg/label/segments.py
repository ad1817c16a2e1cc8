"""The labels of a map and the segments of a DICOM SEG, which have different numbers.

A module of its own, because :mod:`monai_nlseg.label.dicomweb` imports MONAI Label, without which this is tested.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def descriptions_of_present(
    values: Iterable[int], descriptions: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Return the descriptions of the labels that a map holds, in the order of their values, as MONAI Label expects.

    Args:
        values: values of the map; 0 is background.
        descriptions: an entry for each label: the first describes label 1, the second label 2, ..., whether or not the
            map holds it. If there are no more entries than labels in the map, they describe those labels.

    Returns:
        An entry for each label of the map that is described.
    """
    present = sorted(set(values) - {0})
    if len(descriptions) <= len(present):
        return list(descriptions)
    return [descriptions[value - 1] for value in present if value <= len(descriptions)]


def labels_of_segments(
    names: Mapping[int, str], models: Mapping[str, Mapping[str, int]], description: str
) -> dict[int, int]:
    """Return the label of each segment of a DICOM SEG, found by its name.

    Args:
        names: number of a segment -> its name.
        models: name of a model -> name of a label -> its value.
        description: description of the series; if it is the name of a model, that model comes first.

    Returns:
        Number of a segment -> label of the first model that knows all names; the numbers themselves if none does.
    """
    for model in sorted(models, key=lambda model: model != description):
        if set(names.values()) <= set(models[model]):
            return {number: models[model][name] for number, name in names.items()}
    return {number: number for number in names}
