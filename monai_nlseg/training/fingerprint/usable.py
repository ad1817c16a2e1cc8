"""Which cases can be used together, and why the others cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from monai_nlseg.training.fingerprint.case import CaseFingerprint
from monai_nlseg.training.fingerprint.fault import CaseFailure, FaultKind
from monai_nlseg.training.fingerprint.finding import Finding, counted, named

SENTENCES: dict[FaultKind, tuple[str, str]] = {
    "image": ("an image that cannot be read", "restore the files, or leave these cases out"),
    "slice": (
        "a volume of a single slice",
        "save slices as pictures, such as PNG or TIFF of 16 bits, with their label maps, or give whole volumes",
    ),
    "label": ("a label map that cannot be read", "restore the files, or save them as label maps of whole numbers"),
    "grid": (
        "a label map or a channel on another grid than the image",
        "resample it to the grid of the image, label maps without interpolation",
    ),
    "channels": ("another number of channels", "give every case the same channels, in one order"),
    "values": (
        "label values that are not among the classes",
        "correct the label maps, or declare the values as classes",
    ),
    "not finite": ("NaN or infinite intensities", "replace these values, for example by the image's minimum"),
    "lost": ("ended before they were measured, as happens when memory runs out", "give fewer jobs, or more memory"),
}
"""For each kind of fault what the cases have, and what to do."""


def fault_findings(failures: Sequence[CaseFailure]) -> list[Finding]:
    """Return an error for each kind of fault: what to do, and then what is wrong with each case.

    Args:
        failures: the cases that could not be measured.
    """
    findings = []
    for kind, (what, remedy) in SENTENCES.items():
        found = [failure for failure in failures if failure.kind == kind]
        if found:
            details = [f"{failure.case.name} ({failure.detail.rstrip('.')})" for failure in found]
            verb = "" if kind == "lost" else "has " if len(found) == 1 else "have "
            text = f"{counted(len(found))} {verb}{what}, and cannot be used: {remedy}. These are {named(details)}."
            findings.append(Finding("error", text, tuple(failure.case.name for failure in found)))
    return findings


def of_one_kind(cases: Sequence[CaseFingerprint]) -> tuple[list[CaseFingerprint], list[Finding]]:
    """Return the cases with the most frequent number of axes and then of channels, and an error about the others.

    Args:
        cases: the cases, at least one.
    """
    findings: list[Finding] = []
    kept = list(cases)
    for word, key in (("dimension", lambda case: len(case.shape)), ("channel", lambda case: len(case.channels))):
        kept, others, most = _majority(kept, key)
        if others:
            details = [f"{case.name} ({counted(key(case), word)})" for case in others]
            findings.append(
                Finding(
                    "error",
                    f"{counted(len(others))} cannot be used beside the {counted(len(kept), 'image')} of "
                    f"{counted(most, word)}: train on each kind by itself, or make all images of one kind. These are "
                    f"{named(details)}.",
                    tuple(case.name for case in others),
                )
            )
    return kept, findings


def _majority(
    cases: Sequence[CaseFingerprint], key: Callable[[CaseFingerprint], int]
) -> tuple[list[CaseFingerprint], list[CaseFingerprint], int]:
    counts = Counter(map(key, cases))
    # Of two numbers that are equally frequent, the higher: volumes, and all channels.
    most = max(counts, key=lambda number: (counts[number], number))
    return [case for case in cases if key(case) == most], [case for case in cases if key(case) != most], most
