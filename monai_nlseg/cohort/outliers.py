"""Cases of a run that are unlike the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

THRESHOLD = 3.5
"""Modified z-score beyond which a value is an outlier (Iglewicz and Hoaglin, 1993)."""
FEWEST_CASES = 8
"""With fewer values than this, none is an outlier."""
MOST_CASES = 0.75
"""Least share of cases that have a label for the other cases to be flagged as missing it."""


class Flag(NamedTuple):
    """A reason to look at a case.

    Attributes:
        quantity: "unlike", "label-N", "components" or "entropy".
        text: one sentence.
    """

    quantity: str
    text: str


def find_outliers(records: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the sentences of :func:`find_flags` about ``records`` by case."""
    return {case: [flag.text for flag in flags] for case, flags in find_flags(records).items()}


def find_flags(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Flag]]:
    """Find unusual cases.

    A case is unusual if its image or result is unlike what the bundle was made for, if the volume or the number of
    components of a label or its entropy is an outlier, or if a label is missing.

    A value is an outlier if its modified z-score is beyond 3.5 in either direction, among at least 8 cases that have
    the value. A number of components must also be more than 3 away from the median. A label is missing if at least 3
    in 4 of at least 8 cases have it.

    Args:
        records: records of the run; those of failed cases are left out.

    Returns:
        Name of a case -> its flags, "unlike" first, then in the order of the labels; only cases with a flag.
    """
    done = [record for record in records if record["status"] == "done"]
    flags = {record["case"]: [Flag("unlike", text) for text in record.get("unlike", ())] for record in done}
    for label in sorted({label for record in done for label in record.get("labels") or {}}, key=int):
        found = {record["case"]: record["labels"][label] for record in done if _has(record, label)}
        if found:
            _check_label(flags, label, found)
    entropies = {record["case"]: record["entropy"] for record in done if record.get("entropy") is not None}
    for case, text in _outliers(entropies):
        flags[case].append(Flag("entropy", f"entropy: {text}"))
    return {case: found for case, found in flags.items() if found}


def modified_z_scores(values: Sequence[float], finest: float = 0.0) -> np.ndarray:
    """Return the signed distances from the median in robust standard deviations.

    The deviation is the median absolute deviation over 0.6745 (Iglewicz and Hoaglin, "How to detect and handle
    outliers", 1993). If more than half of the values are equal, that is 0, and the mean absolute deviation times 1.2533
    takes its place; if all values are equal, all scores are 0.

    Args:
        values: (N,).
        finest: least deviation to assume.
    """
    data = np.asarray(values, dtype=float)
    distances = data - np.median(data)
    deviation = max(np.median(np.abs(distances)) / 0.6745 or np.abs(distances).mean() * 1.2533, finest)
    return distances / deviation if deviation else np.zeros_like(data)


def _has(record: Mapping[str, Any], label: str) -> bool:
    return bool((record.get("labels") or {}).get(label, {}).get("voxels"))


def _check_label(flags: dict[str, list[Flag]], label: str, found: Mapping[str, Mapping[str, Any]]) -> None:
    name = next(iter(found.values())).get("name") or f"label {label}"
    if len(flags) >= FEWEST_CASES and len(found) >= MOST_CASES * len(flags):
        for case in flags.keys() - found.keys():
            flags[case].append(Flag(f"label-{label}", f"{name}: missing, {len(found)} of {len(flags)} cases have it"))
    unit = "ml" if all(entry.get("ml") is not None for entry in found.values()) else "voxels"
    for case, text in _outliers({case: entry[unit] for case, entry in found.items()}, unit):
        flags[case].append(Flag(f"label-{label}", f"{name}: {text}"))
    components = {case: entry["components"] for case, entry in found.items() if entry.get("components") is not None}
    for case, text in _outliers(components, "components", finest=1.0):
        flags[case].append(Flag("components", f"{name}: {text}"))


def _outliers(values: Mapping[str, float], unit: str = "", finest: float = 0.0) -> list[tuple[str, str]]:
    if len(values) < FEWEST_CASES:
        return []
    numbers = list(values.values())
    median = _short(float(np.median(numbers)))
    return [
        (
            case,
            f"{_short(value)}{unit and ' '}{unit}, {'high' if score > 0 else 'low'}; median {median} (z {score:+.1f})",
        )
        for case, value, score in zip(values, numbers, modified_z_scores(numbers, finest))
        if abs(score) > THRESHOLD
    ]


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
