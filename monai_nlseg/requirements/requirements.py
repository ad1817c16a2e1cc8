"""Requirements of a network, as values that images and label maps are measured against."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

Range = tuple[float, float]
INTENSITIES = ("non-negative", "hounsfield", "0-255")
UNITS = ("ml", "share")
SUM = "sum"


@dataclass(frozen=True)
class InputRequirements:
    """Requirements of an image; those that are None are not checked.

    Attributes:
        modality: words, one of which the name of a file has if it names a modality at all: "T1", "T1w".
        colour_share: least and largest share of pixels that have a colour, for pictures.
        intensity: "non-negative" (standardised over the foreground is right, too), "hounsfield" or "0-255".
        smallest_side: pixels or voxels along the shortest axis.
        spacing_mm: least and largest size of a voxel along each axis.
        smallest_extent_mm: length along the shortest axis of what is not 0.
        zero_border: least share of the voxels of each outer face of a volume that are exactly 0.
        foreground_ml: least and largest volume of what is not 0.
        brighter_inside: whether the middle of what is not 0 is brighter than its rim, as of a brain in T1.

    Raises:
        ValueError: for a value of another kind.
    """

    modality: tuple[str, ...] = ()
    colour_share: Range | None = None
    intensity: str | None = None
    smallest_side: float | None = None
    spacing_mm: Range | None = None
    smallest_extent_mm: float | None = None
    zero_border: float | None = None
    foreground_ml: Range | None = None
    brighter_inside: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.modality, tuple) or not all(isinstance(word, str) for word in self.modality):
            raise ValueError(f'modality is {self.modality!r}: expected a list of words such as ["T1"].')
        if self.intensity is not None and self.intensity not in INTENSITIES:
            raise ValueError(f"intensity is {self.intensity!r}: choose {', '.join(INTENSITIES)}.")
        if not isinstance(self.brighter_inside, bool):
            raise ValueError(f"brighter_inside is {self.brighter_inside!r}: expected true or false.")
        for name in ("smallest_side", "smallest_extent_mm", "zero_border"):
            _require_number(name, getattr(self, name))
        for name in ("colour_share", "spacing_mm", "foreground_ml"):
            _require_range(name, getattr(self, name))

    @classmethod
    def from_json(cls, entries: Any) -> InputRequirements:
        """Make requirements from the content of a JSON file, which has lists in place of tuples.

        Args:
            entries: name of a requirement -> value.

        Raises:
            ValueError: for an unknown name or a value of another type.
        """
        known = [each.name for each in fields(cls)]
        if not isinstance(entries, Mapping) or (unknown := sorted(set(entries) - set(known))):
            given = f"{unknown[0]!r}" if isinstance(entries, Mapping) else f"{entries!r}"
            raise ValueError(f"{given} is not a requirement: choose from {', '.join(known)}.")
        values: dict[str, Any] = {name: _as_tuple(value) for name, value in entries.items()}
        return cls(**values)


@dataclass(frozen=True)
class ResultLimits:
    """Limits on the sizes of labels in a result.

    Attributes:
        unit: "ml" for volumes, or "share" (0 to 1) of the image.
        ranges: value in the label map, or "sum" for all labels together -> least and largest size.
        names: value in the label map -> name.

    Raises:
        ValueError: for an unknown unit, or limits that are not a range.
    """

    unit: str
    ranges: Mapping[str, Range]
    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"the unit is {self.unit!r}: choose {' or '.join(UNITS)}.")
        for label, limits in self.ranges.items():
            if label != SUM and not str(label).isdigit():
                raise ValueError(f"{label!r} is not a label: expected its value in the label map, or {SUM}.")
            _require_range(label, limits)

    @classmethod
    def from_json(cls, entries: Any, names: Mapping[str, str] | None = None) -> ResultLimits:
        """Make limits from the content of a JSON file: ``{"ml": {"1": [1, 300], "sum": [800, 2200]}}``.

        Args:
            entries: unit -> label -> range.
            names: value in the label map -> name.

        Raises:
            ValueError: for another form.
        """
        if not isinstance(entries, Mapping) or len(entries) != 1:
            raise ValueError(f'{entries!r} are not limits: expected one unit, as in {{"ml": {{"1": [1, 300]}}}}.')
        ((unit, ranges),) = entries.items()
        if not isinstance(ranges, Mapping):
            raise ValueError(f"{ranges!r} are not limits: expected a range for each label.")
        return cls(unit, {label: _as_tuple(value) for label, value in ranges.items()}, names or {})


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _require_number(name: str, value: Any) -> None:
    if value is not None and not (_is_number(value) and value >= 0):
        raise ValueError(f"{name} is {value!r}: expected a number from 0 up.")


def _require_range(name: str, value: Any) -> None:
    if value is None:
        return
    if not (isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value)) and value[0] <= value[1]):
        raise ValueError(f"{name} is {value!r}: expected the least and the largest value, as in [0.7, 1.6].")
