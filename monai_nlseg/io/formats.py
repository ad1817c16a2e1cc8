"""The formats of images, by the suffixes of their files, and which files belong together."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

PAIRS = (".hdr", ".hdr.gz")
"""The headers of Analyze 7.5 and of NIfTI in two files; the voxels lie in ``.img`` or ``.img.gz``."""
PAIR_VOXELS = (".img", ".img.gz")
WRITERS = "monai_nlseg.io.segmentations"


class Format(NamedTuple):
    """A format of images, and what reads and writes it.

    Attributes:
        reader: package that reads it: "nibabel", "SimpleITK", "Pillow" or "pydicom".
        suffixes: suffixes that are read, in lower case; for a format in two files, those of the header.
        written: suffix of a label map in this format; empty if none is written.
        writer: module whose ``write(path, segmentation)`` writes a :class:`~monai_nlseg.io.segmentations.Segmentation`;
            it is imported when it is first used.
    """

    reader: str
    suffixes: tuple[str, ...]
    written: str = ""
    writer: str = ""


FORMATS = {
    "nifti": Format("nibabel", (".nii", ".nii.gz"), ".nii.gz", f"{WRITERS}.nifti"),
    "analyze": Format("nibabel", PAIRS),
    "mgh": Format("nibabel", (".mgh", ".mgz")),
    "nrrd": Format("SimpleITK", (".nrrd", ".nhdr"), ".nrrd", f"{WRITERS}.nrrd"),
    "mha": Format("SimpleITK", (".mha", ".mhd"), ".mha", f"{WRITERS}.mha"),
    "png": Format("Pillow", (".png",), ".png", f"{WRITERS}.png"),
    "jpeg": Format("Pillow", (".jpg", ".jpeg")),
    "tiff": Format("Pillow", (".tif", ".tiff")),
    "bmp": Format("Pillow", (".bmp",)),
    "gif": Format("Pillow", (".gif",)),
    "dicom": Format("pydicom", (".dcm", ".dicom", ".ima")),
    "dicom-seg": Format("pydicom", (), ".dcm", f"{WRITERS}.dicom_seg"),
}
"""All formats by their names. The content of a picture, not its suffix, decides its format."""
LABEL_MAPS = {name: format for name, format in FORMATS.items() if format.writer}
"""Formats in which label maps are written."""
EXTRAS = ("probabilities", "uncertainty")
"""What ``nlseg infer --save`` writes beside a label map, by the ends of the names: ``NAME_probabilities.nii.gz``."""


def _read_by(reader: str) -> tuple[str, ...]:
    return tuple(suffix for format in FORMATS.values() if format.reader == reader for suffix in format.suffixes)


NIBABEL = _read_by("nibabel")
SIMPLEITK = _read_by("SimpleITK")
VOLUMES = (*NIBABEL, *SIMPLEITK)
"""All suffixes of volumes; for a pair, that of the header."""
PICTURES = _read_by("Pillow")
DICOM = _read_by("pydicom")


def is_picture(name: str | os.PathLike[str]) -> bool:
    """Return whether a file is a picture by its suffix, in upper or lower case.

    Args:
        name: name or path of a file.
    """
    return str(name).lower().endswith(PICTURES)


def is_volume(name: str | os.PathLike[str]) -> bool:
    """Return whether a file is a volume by its suffix, in upper or lower case; both files of a pair are.

    Args:
        name: name or path of a file.
    """
    return str(name).lower().endswith(VOLUMES) or is_pair_voxels(name)


def is_pair_voxels(name: str | os.PathLike[str]) -> bool:
    """Return whether a file holds the voxels of a pair, by its suffix in upper or lower case.

    Args:
        name: name or path of a file.
    """
    return str(name).lower().endswith(PAIR_VOXELS)


def without_suffix(name: str) -> str:
    """Return the name or path of an image's file without the suffix of its format; a name that is only a suffix stays.

    Args:
        name: name or path of a file.
    """
    known = "|".join(map(re.escape, (*VOLUMES, *PAIR_VOXELS, *PICTURES, *DICOM)))
    return re.sub(rf"({known})$", "", name, flags=re.IGNORECASE) or name


def pair_voxels(header: str) -> str:
    """Return the name of the file with the voxels that belong to the header of a pair: ``a.hdr`` -> ``a.img``.

    Args:
        header: name or path of the header.
    """
    return _partner(header, "hdr", "img")


def pair_header(voxels: str) -> str:
    """Return the name of the header that belongs to the voxels of a pair; other names stay as they are.

    Args:
        voxels: name or path of the voxels.
    """
    return _partner(voxels, "img", "hdr")


def spm_affine(header: str) -> str:
    """Return the name of the file in which SPM keeps the affine of an Analyze pair: ``a.hdr`` -> ``a.mat``.

    Args:
        header: name or path of the header.
    """
    return _partner(header, "hdr", "mat").removesuffix(".gz")


def _partner(name: str, one: str, other: str) -> str:
    def replaced(match: re.Match[str]) -> str:
        return f".{other.upper() if match[1].isupper() else other}{match[2] or ''}"

    return re.sub(rf"\.({one})(\.gz)?$", replaced, name, flags=re.IGNORECASE)
