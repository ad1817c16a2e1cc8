"""The image files below a folder, and what is left out of them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from monai_nlseg.cohort.cases.folder import is_image
from monai_nlseg.errors import listed
from monai_nlseg.io.formats import DICOM, is_pair_voxels, pair_header
from monai_nlseg.io.walk import files_below


class ImageFiles(NamedTuple):
    """The image files below a folder.

    Attributes:
        root: the folder.
        names: names of the images and label maps below it, sorted; of a pair, that of the header.
        others: names of all other files.
        left_out: a sentence for each kind of file, or each folder, that was not read.
    """

    root: Path
    names: list[str]
    others: list[str]
    left_out: list[str]


def image_files(root: Path) -> ImageFiles:
    """Find the images and label maps below a folder.

    Links are followed, except those that lead back to a folder above them.

    Args:
        root: the folder.
    """
    found, skipped = files_below(str(root), "**/*")
    names = [name for name in found if is_image(name)]
    headers = {name.lower() for name in names}
    lone = [name for name in found if is_pair_voxels(name) and pair_header(name).lower() not in headers]
    dicom = [name for name in found if name.lower().endswith(DICOM)]
    hidden = [path for path, reason in skipped if reason == "hidden" and is_image(path)]
    others = [each for each in skipped if each.reason != "hidden"]
    left_out = [
        *(f"'{path}' in '{root}' was not read, because it is {reason}." for path, reason in others),
        *(f"'{name}' in '{root}' has no header '{pair_header(name)}': restore it." for name in lone),
    ]
    if hidden:
        left_out.append(f"hidden files in '{root}' were not read: {listed(hidden)}.")
    if dicom:
        left_out.append(f"DICOM files in '{root}' were not read: {listed(dicom)}; convert the series to NIfTI.")
    return ImageFiles(root, names, [name for name in found if not is_image(name)], left_out)
