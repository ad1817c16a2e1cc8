"""Classes that are missing, or so rare that a split may leave a part without them."""

from __future__ import annotations

from collections.abc import Iterator

from monai_nlseg.training.cases.case import Classes
from monai_nlseg.training.fingerprint.finding import Finding, counted, named
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.fingerprint.tables import voxels_of

UNLABELLED = (255, 65535)
"""Values that mark voxels without annotation in many data sets: the largest of 8 and 16 bits."""
FEW = 5
"""Number of subjects below which five folds cannot all hold a class."""


def find_rare_classes(found: Fingerprint) -> Iterator[Finding]:
    """Find classes that no case or few subjects have, and say what the values were taken for if nothing declares them.

    Args:
        found: the fingerprint.
    """
    yield from _meaning(found) if found.data.classes is None else _never_shown(found, found.data.classes)
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


def _meaning(found: Fingerprint) -> Iterator[Finding]:
    meaning = [f"{', '.join(map(str, each.values))} = {each.name}" for each in found.classes.foreground]
    merged = [each.values for each in found.classes.foreground if len(each.values) > 1]
    held = "the same values" if not merged else f"the value {merged[0][0]}"
    yield Finding(
        "note",
        f"The data set does not name its classes, so each value found is one ({named(meaning)}), and 0 is the "
        f"background. Label maps that the network makes will hold {held}.",
    )
    values = [each.values[0] for each in found.classes.foreground]
    if merged:
        yield Finding(
            "warning",
            f"The label maps hold {' or '.join(map(str, merged[0]))}, each case only one of them, so they are taken as "
            "one class. If they are several classes, name them, for example by --classes 1=cyst,255=tumour.",
        )
    elif len(values) > 1 and values[-1] in UNLABELLED:
        with_it = [case.name for case in found.cases if values[-1] in case.voxels]
        yield Finding(
            "warning",
            f"The value {values[-1]} stands beside {named([str(value) for value in values[:-1]])} in "
            f"{counted(len(with_it))} ({named(with_it)}), and is taken as a class. Many data sets mark with it what is "
            f"not annotated: if so, name all classes, and it 'ignore', for example by --classes "
            f"{values[0]}=tumour,{values[-1]}=ignore.",
            tuple(with_it),
        )


def _never_shown(found: Fingerprint, declared: Classes) -> Iterator[Finding]:
    missing = [f"'{each.name}'" for each in declared.foreground if each not in found.classes.foreground]
    if missing:
        yield Finding(
            "note",
            f"No label map shows {counted(len(missing), 'class', 'classes')} that the data set names "
            f"({named(missing)}), so the network does not learn {'it' if len(missing) == 1 else 'them'}. Check the "
            "values if this is not right.",
        )
