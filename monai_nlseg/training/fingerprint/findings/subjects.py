"""Whether there are enough subjects to train on some and to validate on others."""

from __future__ import annotations

from collections.abc import Iterator

from monai_nlseg.training.fingerprint.finding import Finding, counted
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint


def find_few_subjects(found: Fingerprint) -> Iterator[Finding]:
    """Find a data set of a single subject.

    Args:
        found: the fingerprint.
    """
    subjects = {case.case.subject for case in found.cases}
    if len(subjects) == 1:
        yield Finding(
            "warning",
            f"All {counted(len(found.cases))} are of one subject, '{subjects.pop()}', so no score can tell how well "
            "the network does on another: add subjects, or say by --subject how they are named.",
        )
