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
    for each in found.classes.foreground:
        tiny = [case.name for case in found.cases if 0 < voxels_of(case, each) < SPECK]
        if tiny:
            yield Finding(
                "warning",
                f"Class '{each.name}' has fewer than {SPECK} voxels in {counted(len(tiny))} ({named(tiny)}): check "
                "that it is not a slip of the hand, and remove it if it is.",
                tuple(tiny),
            )
        specks = [case for case in found.cases if case.specks[each.name]]
        if specks:
            details = [f"{case.name} ({case.specks[each.name]})" for case in specks]
            yield Finding(
                "note",
                f"Class '{each.name}' has pieces of fewer than {SPECK} voxels beside larger ones in "
                f"{counted(len(specks))}: {named(details)}. Check a few of them: they may be slips of the hand.",
                tuple(case.name for case in specks),
            )
