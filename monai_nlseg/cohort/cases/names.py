"""Unique names of cases, which file systems and tables can hold."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from monai_nlseg.cohort.cases.case import Case
from monai_nlseg.io.formats import without_suffix


def settle_names(cases: Iterable[Case]) -> list[Case]:
    """Return each of ``cases`` once, with names that differ.

    A name that leads out of the output folder, that is not UTF-8, or that differs from another only by upper and lower
    case becomes the fault of its cases: none of them is inferred, so that none overwrites the output of another.

    Raises:
        ValueError: the first fault, if all cases have one.
    """
    checked = [_checked(case) for case in dict.fromkeys(cases)]
    alike: dict[str, list[Case]] = defaultdict(list)
    for case in checked:
        if case.fault is None:
            alike[case.name.lower()].append(case)
    settled = [_clashing(case, alike.get(case.name.lower(), [])) for case in checked]
    taken = {case.name for case in settled if case.fault is None}
    for index, case in enumerate(settled):
        if case.fault is not None:
            settled[index] = replace(case, name=_free(case.name, taken))
            taken.add(settled[index].name)
    if settled and all(case.fault is not None for case in settled):
        raise ValueError(settled[0].fault)
    return settled


def as_utf8(text: str) -> str:
    r"""Return ``text`` as UTF-8 can hold it: what it cannot hold is written as an escape such as ``\udcfc``."""
    return text.encode("utf-8", "backslashreplace").decode()


def _checked(case: Case) -> Case:
    """Return the case with the fault of its name, if it has one."""
    if case.fault is None and _leads_out(case.name):
        case = replace(
            case, fault=f"the case's name '{case.name}' leads out of the output folder: give it another name."
        )
    # No record, table or report could hold it.
    wrong = [text for text in (case.name, *case.files) if re.search("[\ud800-\udfff]", text)]
    if not wrong:
        return case
    fault = case.fault or f"the name {ascii(wrong[0])} is not UTF-8: rename the file."
    images = tuple(tuple(map(as_utf8, files)) for files in case.images)
    return Case(as_utf8(case.name), images, as_utf8(fault))


def _leads_out(name: str) -> bool:
    return name.startswith("/") or not name or "\0" in name or bool({"..", "."} & set(name.split("/")))


def _clashing(case: Case, alike: list[Case]) -> Case:
    if case.fault is not None or len(alike) == 1:
        return case
    other = next(each for each in alike if each is not case)
    first, second = sorted((case, other), key=alike.index)
    suffix = case.files[0][len(without_suffix(case.files[0])) :]
    fault = (
        f"'{first.files[0]}' and '{second.files[0]}' are both the case '{second.name}': rename one, or give a list "
        "with a column 'case'."
    )
    return Case(f"{case.name}{suffix}", case.images, fault)


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} ({number})"
    return free
