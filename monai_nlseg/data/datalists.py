"""Datalists: folders of images, and who is held out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai.utils import ensure_tuple

from monai_nlseg.io.directory import require_directory
from monai_nlseg.io.formats import PAIR_VOXELS, pair_header
from monai_nlseg.io.volumes import read_header


def volume_datalist(dataset: str | Path, pattern: str = "**/*.nii*") -> list[dict[str, str]]:
    """Return a MONAI datalist of one volume or of the volumes in a folder.

    Args:
        dataset: a file of any format that :func:`~monai_nlseg.io.volumes.read_volume` reads, or a folder.
        pattern: glob pattern of the volumes in the folder; files whose name ends in ``_seg`` are label maps and are
            left out, as are the voxels of a pair, which are read by their header.

    Returns:
        A list of ``{"case": path below the folder without suffix, "image": path}``, sorted. SaveImaged names its
        output like the case, if ``data_root_dir`` is the folder.

    Raises:
        ValueError: if nothing matches, a file is not a readable three-dimensional volume of one channel, or two files
            are the same case (``a.nii`` and ``a.nii.gz``).
    """
    if Path(dataset).is_file():
        root = Path(dataset).parent
        files = [Path(dataset)]
    else:
        root = require_directory(dataset, f"images that match '{pattern}'")
        files = sorted(path for path in root.glob(pattern) if _is_image(path))
        if not files:
            raise ValueError(f"no file in '{root}' matches '{pattern}': give another folder or pattern.")
    for path in files:
        shape = read_header(path, whole=True).shape
        if len(shape) != 3 or min(shape) < 2:
            raise ValueError(f"'{path}' has shape {shape}: expected a volume of three axes and one channel.")
    cases: dict[str, Path] = {}
    for path in files:
        case = (path.parent.relative_to(root) / _stem(path)).as_posix()
        if case in cases:
            raise ValueError(
                f"'{cases[case]}' and '{path}' are both case '{case}', one result would replace the other: rename or "
                "move one, or choose by pattern."
            )
        cases[case] = path
    return [{"case": case, "image": str(path)} for case, path in cases.items()]


def select_cases(datalist: Sequence[dict[str, Any]], cases: Sequence[str] | str) -> list[dict[str, Any]]:
    """Return the labelled entries of a data list that are named, in the order of the names.

    Args:
        datalist: entries, each with the key "case".
        cases: one name or several.

    Raises:
        ValueError: if one of them is missing or has no label.
    """
    cases = ensure_tuple(cases)
    labelled = {entry["case"]: entry for entry in datalist if "label" in entry}
    missing = [case for case in cases if case not in labelled]
    if missing:
        raise ValueError(f"there is no labelled case {missing} among {list(labelled)}: give names of this list.")
    return [labelled[case] for case in cases]


def exclude_cases(datalist: Sequence[dict[str, Any]], cases: Sequence[str] | str) -> list[dict[str, Any]]:
    """Return the labelled entries of a data list that are not named.

    Args:
        datalist: entries, each with the key "case".
        cases: one name or several.

    Raises:
        ValueError: if none is left.
    """
    cases = ensure_tuple(cases)
    left = [entry for entry in datalist if "label" in entry and entry["case"] not in cases]
    if not left:
        raise ValueError(f"holding out {list(cases)} leaves no labelled case to train on: hold out fewer.")
    return left


def _is_image(path: Path) -> bool:
    if path.name.lower().endswith(PAIR_VOXELS) and Path(pair_header(str(path))).exists():
        return False
    return path.is_file() and not _stem(path).endswith("_seg")


def _stem(path: Path) -> str:
    """Return the file name without suffix, as SaveImaged takes it."""
    return Path(path.name.removesuffix(".gz")).stem
