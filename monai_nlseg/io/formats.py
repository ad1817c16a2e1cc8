"""The formats of images, by the suffixes of their files, and which files belong together."""

from __future__ import annotations

import os
import re

__all__ = [
    "DICOM",
    "NIBABEL",
    "PAIRS",
    "PICTURES",
    "SIMPLEITK",
    "VOLUMES",
    "is_pair_voxels",
    "is_picture",
    "is_volume",
    "named_data",
    "pair_header",
    "pair_voxels",
    "spm_affine",
    "without_suffix",
]

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif")
"""Suffixes of pictures; the content of a file decides on its format."""
DICOM = (".dcm", ".dicom", ".ima")

PAIRS = (".hdr", ".hdr.gz")
"""The headers of Analyze 7.5 and of NIfTI in two files; the voxels lie in ``.img`` or ``.img.gz``."""
PAIR_VOXELS = (".img", ".img.gz")
NIBABEL = (".nii", ".nii.gz", *PAIRS, ".mgh", ".mgz")
"""Suffixes that nibabel reads."""
SIMPLEITK = (".nrrd", ".nhdr", ".mha", ".mhd")
"""Suffixes that SimpleITK reads."""
VOLUMES = (*NIBABEL, *SIMPLEITK)
"""All suffixes of volumes; of a pair, that of the header."""

DATA = re.compile(rb"^(?:ElementDataFile[ \t]*=|data ?file:)[ \t]*(\S.*?)[ \t]*\r?$", flags=re.MULTILINE)


def is_picture(name: str | os.PathLike[str]) -> bool:
    """Return whether a file is a picture by its suffix, in upper or lower case."""
    return str(name).lower().endswith(PICTURES)


def is_volume(name: str | os.PathLike[str]) -> bool:
    """Return whether a file is a volume by its suffix, in upper or lower case; of a pair both files are."""
    return str(name).lower().endswith(VOLUMES) or is_pair_voxels(name)


def is_pair_voxels(name: str | os.PathLike[str]) -> bool:
    """Return whether a file holds the voxels of a pair, by its suffix in upper or lower case."""
    return str(name).lower().endswith(PAIR_VOXELS)


def without_suffix(name: str) -> str:
    """Return the name or path of an image's file without the suffix of its format; a name of nothing else as it is."""
    known = "|".join(map(re.escape, (*VOLUMES, *PAIR_VOXELS, *PICTURES, *DICOM)))
    return re.sub(rf"({known})$", "", name, flags=re.IGNORECASE) or name


def pair_voxels(header: str) -> str:
    """Return the name of the file with the voxels that belong to the header of a pair: ``a.hdr`` -> ``a.img``."""
    return _partner(header, "hdr", "img")


def pair_header(voxels: str) -> str:
    """Return the name of the header that belongs to the voxels of a pair; other names as they are."""
    return _partner(voxels, "img", "hdr")


def spm_affine(header: str) -> str:
    """Return the name of the file in which SPM keeps the affine of an Analyze pair: ``a.hdr`` -> ``a.mat``."""
    return _partner(header, "hdr", "mat").removesuffix(".gz")


def named_data(header: bytes) -> list[str]:
    """Return the names of the files in which the voxels of a header lie, as the header gives them.

    Args:
        header: of MetaImage (``.mhd``) or NRRD (``.nhdr``): it names one file, lists several or counts them by a
            pattern such as ``slice-%03d.raw 1 20 1``.

    Returns:
        The names; none if the voxels follow the header in its own file.
    """
    found = DATA.search(header)
    if found is None or found[1] == b"LOCAL":
        return []
    if found[1].split()[0] == b"LIST":
        return [os.fsdecode(line.strip()) for line in header[found.end() :].splitlines() if line.strip()]
    name = os.fsdecode(found[1])
    if counted := re.fullmatch(r"(\S*%\d*d\S*) (\d+) (\d+)(?: (\d+))?.*", name):
        pattern, first, last, step = counted.groups(default="1")
        return [pattern % index for index in range(int(first), int(last) + 1, int(step))]
    return [name]


def _partner(name: str, one: str, other: str) -> str:
    def replaced(match: re.Match[str]) -> str:
        return f".{other.upper() if match[1].isupper() else other}{match[2] or ''}"

    return re.sub(rf"\.({one})(\.gz)?$", replaced, name, flags=re.IGNORECASE)
