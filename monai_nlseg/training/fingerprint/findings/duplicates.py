"""Images and label maps that the data set holds under several names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from monai_nlseg.training.fingerprint.case import CaseFingerprint
from monai_nlseg.training.fingerprint.finding import Finding, named
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint


def find_duplicates(found: Fingerprint) -> Iterator[Finding]:
    """Find equal images, with equal or different labels, and equal label maps of different images.

    Args:
        found: the fingerprint.
    """
    copies = _groups(found.cases, lambda case: case.digest)
    contradicting = [group for group in copies if len({case.label_digest for case in group}) > 1]
    same = [group for group in copies if group not in contradicting]
    across = [group for group in same if len({case.case.subject for case in group}) > 1]
    within = [group for group in same if group not in across]
    if contradicting:
        yield _finding(
            contradicting,
            "equal voxels but different labels, so at least one is wrong: correct the labels, or keep one of each",
        )
    if across:
        yield _finding(
            across,
            "equal voxels under the names of different subjects, which can put one image into training and validation "
            "and make the scores too good: keep one of each, or give them one subject",
        )
    if within:
        yield _finding(within, "equal voxels and belong to one subject: keep one of each")
    labelled = [case for case in found.cases if any(number for value, number in case.voxels.items() if value)]
    copied = [
        group
        for group in _groups(labelled, lambda case: case.label_digest)
        if len({case.digest for case in group}) > 1 and len({case.case.subject for case in group}) > 1
    ]
    if copied:
        yield _finding(
            copied,
            "different images of different subjects but one and the same label map: check that the label maps were not "
            "saved under a wrong name",
        )


def _groups(cases: Sequence[CaseFingerprint], key: Callable[[CaseFingerprint], str]) -> list[list[CaseFingerprint]]:
    groups: dict[str, list[CaseFingerprint]] = {}
    for case in cases:
        groups.setdefault(key(case), []).append(case)
    return [group for group in groups.values() if len(group) > 1]


def _finding(groups: Sequence[Sequence[CaseFingerprint]], text: str) -> Finding:
    names = [" = ".join(case.name for case in group) for group in groups]
    subject = "1 group of cases has" if len(groups) == 1 else f"{len(groups)} groups of cases have"
    return Finding(
        "warning", f"{subject} {text} ({named(names)}).", tuple(case.name for group in groups for case in group)
    )
