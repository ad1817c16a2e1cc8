"""Classes that are missing, or so rare that a split may leave a part without them."""

from __future__ import annotations

from collections.abc import Iterator

from monai_nlseg.training.fingerprint.finding import Finding, counted, named
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.fingerprint.tables import voxels_of

FEW = 5
"""Number of subjects below which five folds cannot all hold a class."""


def find_rare_classes(found: Fingerprint) -> Iterator[Finding]:
    """Find classes that no case or few subjects have, and say what the values were taken for if nothing declares them.

    Args:
        found: the fingerprint.
    """
    if found.data.classes is None:
        meaning = [f"{', '.join(map(str, each.values))} = {each.name}" for each in found.classes.foreground]
        yield Finding(
            "note",
            f"The data set does not name its classes, so each value found is one ({named(meaning)}), and 0 is the "
            "background. Label maps that the network makes will hold the same values.",
        )
    else:
        missing = [f"'{each.name}'" for each in found.data.classes.foreground if each not in found.classes.foreground]
        if missing:
            yield Finding(
                "note",
                f"No label map shows {counted(len(missing), 'class', 'classes')} that the data set names "
                f"({named(missing)}), so the network does not learn {'it' if len(missing) == 1 else 'them'}. Check the "
                "values if this is not right.",
            )
    subjects = len({case.case.subject for case in found.cases})
    rare, cases = [], []
    for each in found.classes.foreground:
        having = [case for case in found.cases if voxels_of(case, each)]
        held = len({case.case.subject for case in having})
        if held < min(FEW, subjects):
            rare.append(f"'{each.name}' ({counted(held, 'subject')}: {named([case.name for case in having])})")
            cases += [case.name for case in having]
    if rare:
        yield Finding(
            "warning",
            f"Classes that fewer than {min(FEW, subjects)} of {subjects} subjects have, so that a part of a split may "
            f"hold none of them: {named(rare)}. Add cases, take fewer folds, or merge classes.",
            tuple(dict.fromkeys(cases)),
        )
