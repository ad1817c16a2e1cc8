"""CT volumes to be segmented: DICOM series, and files of volumes such as NIfTI and NRRD."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_nlseg.data.cta.datalist import MASKS
from monai_nlseg.data.cta.series import OTHERS, check_series
from monai_nlseg.io.dicom.series import is_dicom
from monai_nlseg.io.directory import require_directory
from monai_nlseg.io.formats import VOLUMES, is_pair_voxels, is_volume, without_suffix
from monai_nlseg.io.volumes import read_header

EXCLUDE = f".*_seg|{MASKS}"
"""Names, without suffix, of what inference writes and of the labels of :func:`cta_datalist`'s layout."""


def cta_images(dataset: str | Path, exclude: str = EXCLUDE) -> list[dict[str, str]]:
    """Return a MONAI datalist of the CT volumes in a folder and those below it: folders with a DICOM series, and files.

    Load with ``LoadImaged("image", reader="monai_nlseg.data.CTAReader")``.

    Args:
        dataset: the folder, or one file (NIfTI, Analyze, MGH, NRRD, MetaImage), or one folder with the slices of a
            series.
        exclude: regular expression of the names, without suffix, to exclude; by default masks that inference wrote and
            those of :func:`cta_datalist`'s layout.

    Returns:
        A list of ``{"case": path below the folder without suffix, "image": path}``, sorted.

    Raises:
        ValueError: if nothing is found, a volume is damaged or not of three axes, a series has gaps or is not the only
            one of its folder, or two volumes are the same case (``a.nii`` and ``a.nrrd``).
    """
    path = Path(dataset)
    if path.is_file():
        if not _is_file(path):
            raise ValueError(f"'{path}' is not {' or '.join(VOLUMES)}: give such a file, or a folder of DICOM series.")
        root, found = path.parent, [path]
    else:
        root = require_directory(path, "DICOM series, each in a folder of its own, or NIfTI or NRRD volumes")
        if _is_series(root):
            root = root.absolute()  # a result cannot be named after "."
            found = [root]
        else:
            found = _below(root, exclude)
        if not found:
            raise ValueError(
                f"'{root}' holds no CT volume: give a folder of DICOM series, each in a folder of its own, or of NIfTI "
                "or NRRD volumes."
            )
    cases: dict[str, Path] = {}
    for image in found:
        case = image.name if image == root else _case(image.relative_to(root))
        if case in cases:
            raise ValueError(
                f"'{cases[case]}' and '{image}' are both case '{case}', one result would replace the other: rename or "
                "move one."
            )
        _check(image)
        cases[case] = image
    return [{"case": case, "image": str(image)} for case, image in cases.items()]


def cta_root(dataset: str | Path) -> str:
    """Return ``SaveImaged``'s ``data_root_dir`` for :func:`cta_images`.

    It is the folder, unless that is itself the only series; then it is empty.

    Args:
        dataset: what :func:`cta_images` was given.
    """
    path = Path(dataset)
    return str(path) if path.is_dir() and not _is_series(path) else ""


def cta_output_name(meta: Mapping[str, Any], saver: object) -> dict[str, Any]:
    """Return the name of an output, as ``SaveImaged``'s ``output_name_formatter`` for :func:`cta_images`.

    MONAI takes what follows the last dot for a suffix, even in the name of a folder: the result of the series 1.2.840.1
    would replace that of 1.2.840.2.

    Args:
        meta: metadata of the image.
        saver: MONAI's transform, which is not used.
    """
    image = str(meta["filename_or_obj"])
    return {"subject": f"{image}.dcm" if os.path.isdir(image) else image}


def _below(root: Path, exclude: str) -> list[Path]:
    found = []
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = [name for name in subfolders if not name.startswith(".") and not re.fullmatch(exclude, name)]
        here = Path(folder)
        if here != root and _is_series(here):
            found.append(here)
        found += [
            here / name
            for name in files
            if _is_file(name) and not name.startswith(".") and not re.fullmatch(exclude, without_suffix(name))
        ]
    return sorted(found)


def _is_series(folder: Path) -> bool:
    """Return whether a folder holds a DICOM file, by its name or by its content."""
    return any(
        is_dicom(path)
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith(".") and path.name not in OTHERS and not _is_file(path)
    )


def _check(image: Path) -> None:
    if image.is_dir():
        check_series(image)
    elif len(shape := read_header(image, whole=True).shape) != 3:
        raise ValueError(f"'{image}' has shape {shape}: expected a volume of three axes and one channel.")


def _case(path: Path) -> str:
    return without_suffix(path.as_posix())


def _is_file(name: str | Path) -> bool:
    """Return whether a file is a volume; for a pair, whether it is the header."""
    return is_volume(name) and not is_pair_voxels(name)
