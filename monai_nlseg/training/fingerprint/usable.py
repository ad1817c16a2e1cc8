"""Which cases can be used together, and why the others cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence

from monai_nlseg.training.fingerprint.case import CaseFingerprint
from monai_nlseg.training.fingerprint.fault import CaseFailure, FaultKind
from monai_nlseg.training.fingerprint.finding import Finding, counted, named

SENTENCES: dict[FaultKind, tuple[str, str]] = {
    "image": ("an image that cannot be read", "restore the files, or leave these cases out"),
    "flat": (
        "a volume of a single slice",
        "save the slices and their label maps as pictures, such as PNG, or give volumes of several slices",
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
    """Return an error for each kind of fault, with what is wrong with each case.

    Args:
        failures: the cases that could not be measured.
    """
    findings = []
    for kind, (what, remedy) in SENTENCES.items():
        found = [failure for failure in failures if failure.kind == kind]
        if found:
            details = [f"{failure.case.name} ({failure.detail.rstrip('.')})" for failure in found]
            verb = "" if kind == "lost" else "has " if len(found) == 1 else "have "
            text = f"{counted(len(found))} {verb}{what}, and cannot be used: {named(details)}. What to do: {remedy}."
            findings.append(Finding("error", text, tuple(failure.case.name for failure in found)))
    return findings


def of_one_kind(cases: Sequence[CaseFingerprint]) -> tuple[list[CaseFingerprint], list[Finding]]:
    """Return the cases with the most frequent number of axes and then of channels, and an error about the others.

    Args:
        cases: the cases, at least one.
    """
    findings: list[Finding] = []
    kept = list(cases)
    for title, key in (
        ("of {} dimensions", lambda case: len(case.shape)),
        ("of {} channels", lambda case: len(case.channels)),
    ):
        kept, others, most = _majority(kept, key)
        if others:
            details = [f"{case.name} ({title.format(key(case))})" for case in others]
            findings.append(
                Finding(
                    "error",
                    f"{counted(len(others))} cannot be used beside the {len(kept)} images {title.format(most)}: "
                    f"{named(details)}. What to do: train on each kind by itself, or make all images of one kind.",
                    tuple(case.name for case in others),
                )
            )
    return kept, findings


def _majority(
    cases: Sequence[CaseFingerprint], key: Callable[[CaseFingerprint], int]
) -> tuple[list[CaseFingerprint], list[CaseFingerprint], Hashable]:
    counts = Counter(map(key, cases))
    # Of two numbers that are equally frequent, the higher: volumes, and all channels.
    most = max(counts, key=lambda number: (counts[number], number))
    return [case for case in cases if key(case) == most], [case for case in cases if key(case) != most], most
