"""Label maps that are probably not what was meant."""

from __future__ import annotations

from collections.abc import Iterator

from monai_nlseg.training.fingerprint.finding import Finding, counted, named
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.fingerprint.structure import SPECK
from monai_nlseg.training.fingerprint.tables import voxels_of

COVERED = 0.95
"""Share of labelled voxels above which a label map covers the whole image."""


def find_suspicious_labels(found: Fingerprint) -> Iterator[Finding]:
    """Find label maps that are empty, cover everything, hold specks, or store their axes in another way.

    Args:
        found: the fingerprint.
    """
    yield from _extent(found)
    yield from _specks(found)
    turned = [case.name for case in found.cases if case.turned]
    if turned:
        yield Finding(
            "note",
            f"The label maps of {counted(len(turned))} store their axes in another order or direction than the images "
            f"({named(turned)}): both are turned to one orientation, so there is nothing to do.",
            tuple(turned),
        )


def _extent(found: Fingerprint) -> Iterator[Finding]:
    empty, full = [], []
    for case in found.cases:
        voxels = sum(case.voxels.values())
        labelled = sum(number for value, number in case.voxels.items() if value not in (0, found.classes.ignored))
        if not labelled:
            empty.append(case.name)
        elif labelled > COVERED * voxels:
            full.append(f"{case.name} ({labelled / voxels:.0%})")
    if empty:
        share = len(empty) / len(found.cases)
        yield Finding(
            "note",
            f"{counted(len(empty))} ({share:.0%}) {'has' if len(empty) == 1 else 'have'} an empty label map "
            f"({named(empty)}): this is right if nothing is to be found there; otherwise label them or leave them out.",
            tuple(empty),
        )
    if full:
        yield Finding(
            "warning",
            f"The label map covers the whole image in {counted(len(full))}: {named(full)}. Check that 0 is the "
            "background and that image and label map are not exchanged.",
            tuple(text.rpartition(" (")[0] for text in full),
        )


def _specks(found: Fingerprint) -> Iterator[Finding]:
    tiny, pieces, cases = [], [], []
    for each in found.classes.foreground:
        tiny += [(case.name, each.name) for case in found.cases if 0 < voxels_of(case, each) < SPECK]
        having = [case for case in found.cases if case.specks[each.name]]
        if having:
            most = max(having, key=lambda case: case.specks[each.name])
            where = f"{counted(len(having))}, most in {most.name}: {most.specks[each.name]}"
            pieces.append(f"'{each.name}' ({where})")
            cases += [case.name for case in having]
    if tiny:
        yield Finding(
            "warning",
            f"Classes with fewer than {SPECK} voxels: {named([f'{name!r} in {case}' for case, name in tiny])}. Check "
            "that they are not slips of the hand, and remove them if they are.",
            tuple(dict.fromkeys(case for case, _ in tiny)),
        )
    if pieces:
        yield Finding(
            "note",
            f"Classes with pieces of fewer than {SPECK} voxels beside larger ones: {named(pieces)}. Check a few of "
            "them: they may be slips of the hand.",
            tuple(dict.fromkeys(cases)),
        )
