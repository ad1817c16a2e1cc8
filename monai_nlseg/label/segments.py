"""Labels of a map and segments of a DICOM SEG, which go by different numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["labels_of_segments", "told_of_present"]


def told_of_present(values: Iterable[int], told: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What is told of those labels that a map has, as MONAI Label wants it: by the order of their values.

    Args:
        values: of the map; 0 is background.
        told: an entry a label: the first of label 1, the second of label 2, ..., whether or not the map has it; or no
            more entries than the map has labels, which then are of these.

    Returns:
        An entry a label of the map, as far as there is one.
    """
    present = sorted(set(values) - {0})
    if len(told) <= len(present):
        return list(told)
    return [told[value - 1] for value in present if value <= len(told)]


def labels_of_segments(
    names: Mapping[int, str], models: Mapping[str, Mapping[str, int]], description: str
) -> dict[int, int]:
    """The label of each segment of a DICOM SEG, by its name.

    Args:
        names: number of a segment -> its name.
        models: name of a model -> name of a label -> its value.
        description: of the series; the name of a model has it asked first.

    Returns:
        Number of a segment -> label, of the first model that knows all names; the numbers themselves if none does.
    """
    for model in sorted(models, key=lambda model: model != description):
        if set(names.values()) <= set(models[model]):
            return {number: models[model][name] for number, name in names.items()}
    return {number: number for number in names}
