"""Label maps that hold the outlines of structures instead of the structures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from monai_nlseg.evaluation.outline import region_of_outline
from monai_nlseg.io.formats import is_picture
from monai_nlseg.io.pictures import stored_picture
from monai_nlseg.training.cases.case import TrainingCase

LOOKED_AT = 5


def likely_outlines(cases: Sequence[TrainingCase]) -> str | None:
    """Return a sentence if the label maps seem to be outlines, as those of HC18 are, else None.

    Five pictures at most are looked at, spread over the cases.

    Args:
        cases: the cases.
    """
    single = [case.labels[0] for case in cases if len(case.labels) == 1 and is_picture(case.labels[0])]
    paths = single[:: max(1, len(single) // LOOKED_AT)][:LOOKED_AT]
    if not paths or not all(map(_is_outline, paths)):
        return None
    return (
        f"the label maps, such as '{paths[0]}', are thin closed lines, and a network learns what they hold: if they "
        "outline structures, fill them first, with monai_nlseg.transforms.FillContour."
    )


def _is_outline(path: str) -> bool:
    try:
        return region_of_outline(stored_picture(Path(path)) != 0) is not None
    except (OSError, ValueError):
        return False  # the inspection of the data set says what is wrong with it
