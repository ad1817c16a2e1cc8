"""The subjects that cases show."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from monai_nlseg.training.cases.found import FoundCase

BIDS = re.compile(r"(?:^|[/_])(sub-[A-Za-z0-9+]+)")
NUMBERED = re.compile(r"(.*?\d+)(?:[A-Za-z]|[^A-Za-z0-9].*)", re.DOTALL)
"""A name that goes on after its first number, as ``Image_01L`` and ``12_3`` do."""
VISIT = re.compile(
    r"(.+?)[_/-](v|visit|ses|session|scan|tp|timepoint|run|slice|frame|left|right|l|r|od|os|ed|es|baseline|followup|pre|"
    r"post)[_-]?\d*(?:[_/-].*)?",
    re.IGNORECASE | re.DOTALL,
)
"""A name that goes on with a visit, a slice or a side, as ``AB_v1`` and ``AB/left`` do."""


def subjects_of(cases: Sequence[FoundCase], wanted: str | None = None) -> list[str]:
    r"""Return the subject of each case.

    Args:
        cases: the cases.
        wanted: name of a column of the data set's table, or a regular expression with one group, which is searched in
            the names: ``(\d+)_``. None for what the data set says, the entity ``sub-`` in the names, or else the case
            itself.

    Raises:
        ValueError: for an expression that is not valid or has not one group, a name in which it is not found, and a
            case without the column.
    """
    if wanted is None:
        return [case.columns.get("subject") or _of_name(case.name) for case in cases]
    if any(wanted in case.columns for case in cases):
        if without := [case.name for case in cases if not case.columns.get(wanted)]:
            raise ValueError(f"case '{without[0]}' has nothing in the column '{wanted}': fill it in.")
        return [case.columns[wanted] for case in cases]
    pattern = _pattern(wanted)
    found = [(case.name, pattern.search(case.name)) for case in cases]
    if without := [name for name, match in found if match is None or not match[1]]:
        raise ValueError(
            f"the subject pattern '{wanted}' is not found in {len(without)} of {len(found)} names, such as "
            f"'{without[0]}': correct the pattern."
        )
    return [match[1] for _, match in found if match]


def _of_name(name: str) -> str:
    match = BIDS.search(name)
    return match[1] if match else name


def _pattern(wanted: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(wanted)
    except re.error as error:
        raise ValueError(f"the subject pattern '{wanted}' is no regular expression ({error}): correct it.") from None
    if pattern.groups != 1:
        raise ValueError(
            f"the subject '{wanted}' is neither a column nor a pattern with one group: put brackets around the "
            r"subject's part of the name, as in '(\d+)_'."
        )
    return pattern


def likely_subjects(names: Sequence[str], subjects: Sequence[str]) -> str | None:
    """Return a sentence if cases that count as different subjects have names as if they showed the same one.

    Args:
        names: names of the cases.
        subjects: the subject of each.
    """
    alone = [name for name, subject in zip(names, subjects) if name == subject]
    words = sorted({match[2].lower() for name in alone if (match := VISIT.fullmatch(name))})
    visits = rf"(?i)^(.+?)(?:[_/-](?:{'|'.join(words)})[_-]?\d*(?:[_/-]|$)|$)"
    for pattern, kind in ((r"^(.*?\d+)", NUMBERED), (visits, VISIT)):
        alike: dict[str, list[str]] = defaultdict(list)
        for name in alone:
            if match := kind.fullmatch(name):
                alike[match[1]].append(name)
        if several := next((each for each in alike.values() if len(each) > 1), None):
            return (
                f"'{several[0]}' and '{several[1]}' may show one subject, but count as two: if they do, give --subject "
                f"'{pattern}', so that they stay on one side of each split."
            )
    return None
