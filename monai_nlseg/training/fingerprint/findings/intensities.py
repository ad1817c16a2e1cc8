"""Images whose intensities are of another kind than those of most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from monai_nlseg.training.fingerprint.finding import Finding, counted, named
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint

AIR = -500
"""Value below which only images in Hounsfield units go, as those of air in CT."""
BLANK = 0.9
"""Share of zeros on the outer faces above which the background of an image was set to zero."""
FACTOR = 10.0
"""Factor between the intensities of one case and those of most that is more than a scanner's scaling."""


def find_intensity_faults(found: Fingerprint) -> Iterator[Finding]:
    """Find constant images, and cases that differ in stored type, unit, scale or background.

    Args:
        found: the fingerprint.
    """
    constant = [case.name for case in found.cases if any(each.minimum == each.maximum for each in case.channels)]
    if constant:
        yield Finding(
            "warning",
            f"{counted(len(constant))} {'has' if len(constant) == 1 else 'have'} an image or a channel of one single "
            f"value ({named(constant)}), from which nothing can be learned: restore it, or leave the case out.",
            tuple(constant),
        )
    if found.spatial_dims == 3:
        yield from _types(found)
        yield from _units(found)
        yield from _backgrounds(found)


def _types(found: Fingerprint) -> Iterator[Finding]:
    counts = Counter(case.dtype for case in found.cases)
    most = counts.most_common(1)[0][0]
    bytes_ = [case.name for case in found.cases if case.dtype == "uint8"]
    if most != "uint8" and bytes_:
        yield Finding(
            "warning",
            f"{counted(len(bytes_))} {'is' if len(bytes_) == 1 else 'are'} stored with 8 bits, most others as {most} "
            f"({named(bytes_)}): they may have been exported with a window, which cuts intensities off. Export them "
            "again with all values.",
            tuple(bytes_),
        )


def _units(found: Fingerprint) -> Iterator[Finding]:
    for number, channel in enumerate(found.channels):
        units = [case.channels[number].minimum < AIR for case in found.cases]
        if all(units):
            yield Finding("note", f"The values of {channel} look like Hounsfield units (CT).")
        elif any(units):
            few = _fewer(found, units)
            yield Finding(
                "warning",
                f"The values of {channel} look like Hounsfield units (CT) in {counted(sum(units))} and not in "
                f"{len(units) - sum(units)}; the fewer are {named(few)}. Check that all are of one modality, and in "
                "one unit.",
                tuple(few),
            )
        else:
            yield from _scales(found, number, channel)


def _scales(found: Fingerprint, number: int, channel: str) -> Iterator[Finding]:
    brightest = np.array([case.channels[number].percentiles[2] for case in found.cases])
    median = float(np.median(brightest))
    if median <= 0:
        return
    ratio = np.maximum(brightest, np.finfo(float).tiny) / median
    others = [case for case, each in zip(found.cases, ratio) if not 1 / FACTOR <= each <= FACTOR]
    if others:
        details = [f"{case.name} ({case.channels[number].percentiles[2]:.4g})" for case in others]
        yield Finding(
            "warning",
            f"The intensities of {channel} in {counted(len(others))} differ by a factor of {FACTOR:g} or more from the "
            f"median of {median:.4g}: {named(details)}. Check that they are of the same kind as the others.",
            tuple(case.name for case in others),
        )


def _backgrounds(found: Fingerprint) -> Iterator[Finding]:
    blank = [all(each.zero_border > BLANK for each in case.channels) for case in found.cases]
    if any(blank) and not all(blank):
        few = _fewer(found, blank)
        yield Finding(
            "warning",
            f"The border is zero in {counted(sum(blank))} and not in {len(blank) - sum(blank)}; the fewer are "
            f"{named(few)}. If some brains are stripped of the skull and others not, treat all in the same way.",
            tuple(few),
        )


def _fewer(found: Fingerprint, have: list[bool]) -> list[str]:
    minority = 2 * sum(have) <= len(have)
    return [case.name for case, each in zip(found.cases, have) if each == minority]
