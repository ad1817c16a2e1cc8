"""Checks of the cases that a layout describes: their names, their files, and what is listed twice."""

from __future__ import annotations

import os
from collections.abc import Sequence

from monai_nlseg.cohort.cases.case import Case
from monai_nlseg.cohort.cases.names import settle_names
from monai_nlseg.io.regular import require_regular_file
from monai_nlseg.io.volumes.header_files import files_of
from monai_nlseg.training.cases.found import FoundCase


def usable(cases: Sequence[FoundCase]) -> tuple[list[FoundCase], list[str]]:
    """Return the cases whose names are unique and safe and whose files can be read, and why others are left out.

    Args:
        cases: the cases of a layout.

    Returns:
        The cases in the order of their names, and a sentence for each one that is left out.

    Raises:
        ValueError: for an image that is listed twice with different label maps or in different parts, and an image or
            label map of several cases, because only a person can know what is right.
    """
    cases, left_out = _once(cases)
    _refuse_shared_files(cases)
    kept = []
    for case, fault in zip(cases, _faults(cases)):
        if reason := fault or _unreadable(case):
            left_out.append(reason)
        else:
            kept.append(case)
    return sorted(kept, key=lambda case: case.name), left_out


def _once(cases: Sequence[FoundCase]) -> tuple[list[FoundCase], list[str]]:
    first: dict[tuple[str, ...], FoundCase] = {}
    left_out = []
    for case in cases:
        other = first.setdefault(_real(case.images), case)
        if other is case:
            continue
        if (_real(case.labels), case.part, case.fold) != (_real(other.labels), other.part, other.fold):
            raise ValueError(
                f"the image '{case.images[0]}' is listed twice, as the cases '{other.name}' and '{case.name}', with "
                "different label maps, parts or folds: keep one of them."
            )
        left_out.append(f"case '{case.name}' has the same image as '{other.name}', and is used once.")
    return list(first.values()), left_out


def _real(paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(path if "\0" in path else os.path.realpath(path) for path in paths)


def _refuse_shared_files(cases: Sequence[FoundCase]) -> None:
    owner: dict[str, FoundCase] = {}
    for case in cases:
        for path in (*_real(case.images), *case.labels):
            if (other := owner.setdefault(path, case)) is not case:
                raise ValueError(
                    f"'{path}' is listed for the case '{other.name}' and for '{case.name}': give each case its own "
                    "files, or list the images as channels of one case."
                )


def _faults(cases: Sequence[FoundCase]) -> list[str | None]:
    """Return what is wrong with each name: it leads out of a folder, is not UTF-8, or is that of another case."""
    named = [Case(case.name, tuple((path,) for path in (*case.images, *case.labels))) for case in cases]
    try:
        return [case.fault for case in settle_names(named)]
    except ValueError as error:  # all names are wrong
        return [str(error)] * len(cases)


def _unreadable(case: FoundCase) -> str | None:
    if same := set(case.images) & set(case.labels):
        return f"case '{case.name}' is left out: '{min(same)}' is its image and its label map."
    for path in files_of((*case.images, *case.labels)):
        try:
            size = require_regular_file(path)
        except ValueError as error:
            return f"case '{case.name}' is left out: {error}"
        if not size:
            return f"case '{case.name}' is left out: '{path}' is empty, so restore it."
        if not os.access(path, os.R_OK):
            return f"case '{case.name}' is left out: '{path}' cannot be read (Permission denied)."
    return None
