"""What a client tells of the labels of a map, for the segments of a DICOM SEG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["told_of_present"]


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
