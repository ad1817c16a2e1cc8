"""Label maps that hold the outlines of structures instead of the structures."""

from __future__ import annotations

from collections.abc import Iterator

from monai_nlseg.evaluation.label_map import read_label_map
from monai_nlseg.evaluation.outline import region_of_outline
from monai_nlseg.training.fingerprint.case import CaseFingerprint
from monai_nlseg.training.fingerprint.finding import Finding, named
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint

LOOKED_AT = 5
"""Number of label maps that are looked at, spread over the cases."""


def find_outlines(found: Fingerprint) -> Iterator[Finding]:
    """Find pictures whose label maps are thin closed lines, as those of HC18 are.

    Args:
        found: the fingerprint.
    """
    labelled = [case for case in found.cases if found.spatial_dims == 2 and any(case.thickness.values())]
    single = [case for case in labelled if len(case.case.labels) == 1]
    cases = single[:: max(1, len(single) // LOOKED_AT)][:LOOKED_AT]
    if cases and all(map(_is_outline, cases)):
        yield Finding(
            "warning",
            f"The label maps are outlines: all {len(cases)} that were looked at are thin closed lines "
            f"({named([case.name for case in cases])}). A network trained on them draws lines and not structures. Fill "
            "them first, for example with monai_nlseg.transforms.FillContour, save them as PNG, and give those as "
            "label maps.",
            tuple(case.name for case in cases),
        )


def _is_outline(case: CaseFingerprint) -> bool:
    try:
        return region_of_outline(read_label_map(case.case.labels[0]).values != 0) is not None
    except (OSError, ValueError):
        return False  # the file was readable a moment ago
