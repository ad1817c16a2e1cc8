"""Voxel sizes far from those of most cases."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from monai_nlseg.training.fingerprint.finding import Finding, counted, named
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.fingerprint.grid import by

FAR = 2.0
"""Factor by which the sorted voxel size differs from the median of the data set."""


def find_other_spacings(found: Fingerprint) -> Iterator[Finding]:
    """Find cases whose voxels are at least twice as large, or half as small, along some axis as those of most.

    Args:
        found: the fingerprint.
    """
    # Sorted, because the order of the axes differs with the orientation.
    sizes = np.array([sorted(case.spacing) for case in found.cases])
    median = np.median(sizes, axis=0)
    away = np.abs(np.log(sizes / median)).max(axis=1) > np.log(FAR)
    others = [case for case, far in zip(found.cases, away) if far]
    if others:
        details = [f"{case.name} ({by(tuple(case.spacing))})" for case in others]
        yield Finding(
            "warning",
            f"{counted(len(others))} {'has' if len(others) == 1 else 'have'} voxels that differ by a factor of {FAR:g} "
            f"or more from the median of {by(tuple(map(float, median)))} mm: {named(details)}. Check their headers; if "
            "they are right, expect worse results on them.",
            tuple(case.name for case in others),
        )
