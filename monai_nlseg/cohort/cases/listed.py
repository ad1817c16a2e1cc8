"""The cases of a list, which is a table or JSON."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from monai_nlseg.bounds import shown
from monai_nlseg.cohort.cases.case import Case, Found
from monai_nlseg.cohort.cases.folder import is_image, series_in, with_header
from monai_nlseg.io.case_list import read_list
from monai_nlseg.io.dicom.series import is_dicom
from monai_nlseg.io.formats import without_suffix
from monai_nlseg.io.storage import exists, is_remote, join, parent
from monai_nlseg.io.walk import LeftOut

NO_MODALITIES = ("case", "label", "fold")
"""Columns of a list that are not images."""
MOST_LETTERS = 200
"""Most letters of the name of a folder or file among the outputs, to which endings are added."""


def cases_of_list(source: str, data_list_key: str | None) -> Found:
    """Return the cases of a list; an error in an entry becomes the fault of its case.

    Args:
        source: path or URL of the list.
        data_list_key: key of the list in a JSON file with several, see :func:`monai_nlseg.cohort.find_inputs`.

    Raises:
        ValueError: for a list that is damaged, or that lists nothing.
    """
    cases: dict[Case, None] = {}
    left_out: list[LeftOut] = []
    modalities: list[str] | None = None
    for line, row in enumerate(read_list(source, data_list_key), 1):
        row = {"image": row} if isinstance(row, (str, list)) else row
        keys = [key for key in row if key not in NO_MODALITIES] if isinstance(row, Mapping) else []
        if modalities is None and keys:
            modalities = keys
            if any("/" in key or is_image(key) for key in keys):
                raise ValueError(
                    f"'{source}' begins with {keys}: let its first line name the columns, as in case,image."
                )
        case, unused = _entry(source, line, row, modalities or [])
        if case in cases:
            left_out.append(LeftOut(f"{line}: {case.name}", "listed before, with the same files"))
        else:
            cases[case] = None
            left_out += unused
    if not cases:
        raise ValueError(f"'{source}' lists no case: write a line for each case below the column names.")
    return Found(list(cases), left_out)


def _entry(source: str, line: int, row: Any, modalities: Sequence[str]) -> tuple[Case, list[LeftOut]]:
    """Return the case of an entry, and the other files of its folders."""
    at = f"'{source}', case {line}"
    if not isinstance(row, Mapping):
        return Case(f"case {line}", (), f"{at} is {row!r:.100}: expected a path, or a path for each modality."), []
    given = row.get("case")
    if given is not None and (not isinstance(given, str | int) or isinstance(given, bool)):
        return Case(f"case {line}", (), f"{at} has the name {shown(given)}: give text or a whole number."), []
    name = "" if given is None else str(given).strip()
    keys = [key for key in row if key not in NO_MODALITIES]
    if set(keys) != set(modalities):
        fault = f"{at} has {keys}, but the first one has {list(modalities)}: give the same for each."
        return Case(name or f"case {line}", (), fault), []
    values = [row[key] for key in modalities]
    files = [file for value in values for file in (value if isinstance(value, list) else [value])]
    if not files or any(not isinstance(file, str) or not file.strip() for file in files):
        fault = f"{at} lacks the path of an image: give one for each modality."
        return Case(name or f"case {line}", (), fault), []
    paths = [file if is_remote(file) else join(parent(source), file) for file in files]
    name = name or _name_of(files[0], paths[0])
    if re.search(r"[\x00-\x1f\x7f]", name) or any(len(part) > MOST_LETTERS for part in name.split("/")):
        fault = f"{at} has the name {shown(name)}: give a shorter one of letters and digits."
        return Case(f"case {line}", (), fault), []
    name = PurePosixPath(name).as_posix()
    try:
        images, left_out = _images(paths, at)
    except ValueError as error:
        return Case(name, tuple((path,) for path in paths), str(error)), []
    if name == "." or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        return Case(name, images, f"{at}: the name '{name}' leads out of the output folder: give it another name."), []
    return Case(name, images), left_out


def _name_of(file: str, path: str) -> str:
    """Return a name for a case without one: the path as the list gives it, if it is below the folder of the list."""
    own = PurePosixPath(file).is_absolute() or is_remote(file) or ".." in PurePosixPath(file).parts
    return without_suffix(path.rstrip("/").rpartition("/")[2] if own else file.rstrip("/"))


def _images(paths: Sequence[str], at: str) -> tuple[tuple[tuple[str, ...], ...], list[LeftOut]]:
    """Return the files of each image of an entry, and the other files of its folders.

    Raises:
        ValueError: for a path that does not exist or is not a regular file, and a folder without exactly one DICOM
            series.
    """
    images: list[tuple[str, ...]] = []
    left_out: list[LeftOut] = []
    for path in paths:
        if not exists(path):
            raise ValueError(f"{at}: '{path}' does not exist: {_remedy(path)}.")
        if is_remote(path) or os.path.isfile(path):
            images.append((with_header(path),))
        elif os.path.isdir(path):
            files, unused = _series(Path(path))
            images.append(files)
            left_out += unused
        else:
            raise ValueError(f"{at}: '{path}' is not a regular file: give an image.")
    return tuple(images), left_out


def _series(folder: Path) -> tuple[tuple[str, ...], list[LeftOut]]:
    try:
        files = sorted(file for file in folder.iterdir() if os.path.isfile(file))
    except OSError as error:
        raise ValueError(f"'{folder}' cannot be read ({error.strerror}): correct its permissions.") from None
    dicom = [file for file in files if is_dicom(file)]
    series, reasons = series_in(folder, dicom)
    if len(series) != 1:
        raise ValueError(f"'{folder}' holds {len(series)} DICOM series: give a folder with one.")
    others = {file.name: "not an image by its suffix or content" for file in files if file not in dicom}
    left_out = [LeftOut(str(folder / name), reason) for name, reason in (reasons | others).items()]
    return next(iter(series.values())), left_out


def _remedy(missing: str) -> str:
    """Say what to do about a file that a list names and that does not exist."""
    stem = without_suffix(missing)
    if exists(f"{stem}_0000{missing[len(stem) :]}"):  # nnU-Net's lists omit the number of the channel
        return f"give the folder '{parent(missing)}' with --modalities _0000 and the other channels"
    return "correct the list"
