"""Whether there are enough subjects to train on some and to validate on others."""

from __future__ import annotations

from collections.abc import Iterator

from monai_nlseg.training.fingerprint.finding import Finding, counted, named
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint


def find_few_subjects(found: Fingerprint) -> Iterator[Finding]:
    """Find a data set of a single subject, and subjects that the data set's own parts divide.

    Args:
        found: the fingerprint.
    """
    subjects = {case.case.subject for case in found.cases}
    if len(subjects) == 1:
        yield Finding(
            "warning",
            f"{'The only case is' if len(found.cases) == 1 else f'All {len(found.cases)} cases are'} of one subject, "
            f"'{subjects.pop()}', so no score can tell how well "
            "the network does on another: add subjects, or say by --subject how they are named.",
        )
    parts: dict[str, set[object]] = {}
    for case in found.cases:
        parts.setdefault(case.case.subject, set()).add((case.case.part, case.case.fold))
    divided = [f"'{subject}'" for subject, several in parts.items() if len(several) > 1]
    if divided:
        yield Finding(
            "warning",
            f"The data set's own parts or folds divide the cases of {counted(len(divided), 'subject')} "
            f"({named(divided)}), so scores will be too good for new subjects: put all cases of a subject into one.",
            tuple(case.name for case in found.cases if len(parts[case.case.subject]) > 1),
        )
