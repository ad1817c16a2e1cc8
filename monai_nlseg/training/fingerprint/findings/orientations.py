"""Volumes whose axes point elsewhere than those of most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from monai_nlseg.training.fingerprint.finding import Finding, counted, named
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint

MIRRORED = str.maketrans("LR", "RL")
FEW = 0.25
"""Share of the cases up to which a mirrored axis is more likely a wrong header than another scanner."""


def find_other_orientations(found: Fingerprint) -> Iterator[Finding]:
    """Find volumes with contradicting headers, those stored mirrored, left for right, and others of other orientations.

    Args:
        found: the fingerprint.
    """
    contradicting = [case for case in found.cases if case.qform_axes]
    if contradicting:
        details = [f"{case.name} ({case.orientation} and {case.qform_axes})" for case in contradicting]
        yield Finding(
            "warning",
            f"The sform and the qform in the header of {counted(len(contradicting))} give the axes other directions: "
            f"{named(details)}. The sform is used here; other programs may take the qform and see the image turned or "
            "mirrored. Check in a viewer that left is left, and store one of them in both.",
            tuple(case.name for case in contradicting),
        )
    counts = Counter(case.orientation for case in found.cases if case.orientation)
    if len(counts) < 2:
        return
    most = counts.most_common(1)[0][0] or ""
    mirrored = [case.name for case in found.cases if case.orientation == most.translate(MIRRORED)]
    if 0 < len(mirrored) <= FEW * len(found.cases):
        yield Finding(
            "warning",
            f"{counted(len(mirrored))} {'is' if len(mirrored) == 1 else 'are'} stored mirrored, left for right, "
            f"compared with the other {counts[most]} ({named(mirrored)}): check in a viewer that left is left; if the "
            "header is wrong, correct it.",
            tuple(mirrored),
        )
    kinds = [f"{code} ({number})" for code, number in counts.most_common()]
    yield Finding(
        "note",
        f"The volumes have {len(counts)} orientations: {named(kinds)}. All are turned to one by their headers, so "
        "there is nothing to do.",
    )
