"""Names of cases, from the names of their images and label maps."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import NamedTuple

from monai_nlseg.evaluation.names import ROLES
from monai_nlseg.io.formats import without_suffix

LABEL_ENDING = re.compile(ROLES.pattern.removesuffix("$") + r"(?:[_-](\d+))?$", re.IGNORECASE)
"""The ending of a label map's name: its role, and the number of a further mask of the same image."""
IMAGE_ENDING = re.compile(r"(^|[_-])(image|img)$", re.IGNORECASE)


class LabelName(NamedTuple):
    """The name of a label map.

    Attributes:
        case: name of its case.
        role: the word that says what it is, in lower case, such as "mask"; empty without one.
        number: number of a further mask of the same image; empty without one.
    """

    case: str
    role: str
    number: str


def label_name(path: str) -> LabelName:
    """Split the name of a label map into its case, its role and its number.

    Args:
        path: path below the folder of the labels, with ``/`` between its parts.

    Examples::

        >>> label_name("benign (100)_mask_1.png")
        LabelName(case='benign (100)', role='mask', number='1')
        >>> label_name("IBSR_01/IBSR_01_seg.nii.gz")
        LabelName(case='IBSR_01', role='seg', number='')

    """
    below = PurePosixPath(path)
    stem = without_suffix(below.name)
    ending = LABEL_ENDING.search(stem)
    role, number = (ending[2].lower(), ending[3] or "") if ending else ("", "")
    return LabelName(_case(below, stem[: ending.start()] if ending else stem), role, number)


def image_name(path: str) -> str:
    """Return the name of an image's case.

    Args:
        path: path below the folder of the images, with ``/`` between its parts.

    Examples::

        >>> image_name("site/IBSR_01/IBSR_01.nii.gz"), image_name("p1/image.nii"), image_name("a.b.png")
        ('site/IBSR_01', 'p1', 'a.b')

    """
    below = PurePosixPath(path)
    return _case(below, IMAGE_ENDING.sub("", without_suffix(below.name)))


def _case(below: PurePosixPath, stem: str) -> str:
    """Return the path of the case; a file that is named like its folder, or after its role alone, is the folder."""
    if below.parent.parts and stem in ("", below.parent.name):
        return below.parent.as_posix()
    return (below.parent / (stem or without_suffix(below.name))).as_posix()
