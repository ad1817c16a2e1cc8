"""The cases of a folder: files, DICOM series, and files whose names differ by the modality."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from monai_nlseg.cohort.cases.case import Case, Found
from monai_nlseg.io.dicom.header import why_no_case
from monai_nlseg.io.dicom.series import find_series, is_dicom
from monai_nlseg.io.formats import DICOM, is_pair_voxels, is_picture, is_volume, pair_header, without_suffix
from monai_nlseg.io.storage import exists, is_remote, join
from monai_nlseg.io.walk import LeftOut, files_below


def cases_in_folder(root: str, pattern: str, modalities: Sequence[str], outputs: Path | None) -> Found:
    """Find the cases below a folder, and the reason why every other file belongs to none.

    Args:
        root: path or URL of the folder.
        pattern: glob pattern of the files.
        modalities: words by which the names of a case's files differ; empty for cases of one file or series.
        outputs: folder whose files are not cases; None for none.

    Raises:
        ValueError: for a pattern that is a path, modalities that are not different words, and DICOM without pydicom.
    """
    if PurePosixPath(pattern).is_absolute():
        raise ValueError(f"the pattern '{pattern}' is a path: give one that is relative to '{root}', such as **/*.nii.")
    names, left_out = files_below(root, pattern, outputs)
    headers = {name.lower() for name in names}
    # Voxels without their header are a case too, which fails, so that nobody overlooks that they are missing.
    alone = {name for name in names if is_pair_voxels(name) and pair_header(name).lower() not in headers}
    images = [name for name in names if is_image(name) or name in alone]
    reasons: dict[str, str] = {}
    if modalities:
        cases = cases_by_modality(root, images, modalities)
        reasons = dict.fromkeys(images, f"not named after {' or '.join(modalities)}")
    else:
        cases = [Case(without_suffix(name), ((with_header(join(root, name)),),)) for name in images]
        if not is_remote(root):
            others = [path for name in names if name not in images and is_dicom(path := Path(root) / name)]
            series, reasons = series_in(Path(root), others)
            cases += [Case(name, (files,)) for name, files in series.items()]
    used = {os.path.normpath(path) for case in cases for path in case.files}
    unused = [name for name in names if os.path.normpath(join(root, name)) not in used]
    left_out += [LeftOut(name, reasons.get(name) or _why_unknown(root, name)) for name in unused]
    return Found(cases, left_out)


def series_in(root: Path, files: Sequence[Path]) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Return the DICOM series among files, and the reason why each other file is in none.

    Args:
        root: folder that the names are relative to.
        files: the files, below ``root``.

    Returns:
        Name of a series -> its files in the order of the slices, and name of a file below ``root`` -> reason.

    Raises:
        ValueError: without pydicom.
    """
    series = {name: tuple(map(str, found)) for name, found in find_series(root, files).items()}
    used = {path for found in series.values() for path in found}
    others = [path for path in files if str(path) not in used]
    return series, {path.relative_to(root).as_posix(): why_no_case(path) for path in others}


def is_image(name: str) -> bool:
    """Return whether the file ``name`` is an image by its suffix; the voxels of a pair are not."""
    return is_picture(name) or is_volume(name) and not is_pair_voxels(name)


def with_header(path: str) -> str:
    """Return the header of a pair if ``path`` is its voxels and the header exists; other paths unchanged."""
    header = pair_header(path)
    return header if header != path and exists(header) else path


def _why_unknown(root: str, name: str) -> str:
    if is_remote(root) and name.lower().endswith(DICOM):
        return "DICOM, which is read from local folders only"
    return "not an image by its suffix or content"


def cases_by_modality(root: str, names: Iterable[str], modalities: Sequence[str]) -> list[Case]:
    """Return the cases of files whose names differ by one word; a modality that is missing or twice is a fault.

    Args:
        root: path or URL of the folder.
        names: names of the files below it; those that are named after no modality are in no case.
        modalities: the words, in the order of the network's channels.

    Raises:
        ValueError: for modalities that are not different words.
    """
    words = [word.strip("-_. ") for word in modalities]
    if not all(words) or len({*words}) < len(words):
        raise ValueError(f"the modalities {', '.join(map(repr, modalities))} are not different words: name each once.")
    found: dict[str, dict[str, list[str]]] = {}
    unclear = []
    for name in names:
        folder, _, last = without_suffix(name).rpartition("/")
        rests = {word: re.subn(rf"(^|[-_. ]){re.escape(word)}(?=$|[-_. ])", "", last) for word in words}
        named = [word for word, (_, count) in rests.items() if count]
        if len(named) > 1:
            fault = f"'{name}' in '{root}' is named after {' and '.join(named)}: rename it, or give a list."
            unclear.append(Case(without_suffix(name), ((join(root, name),),), fault))
        for word in named if len(named) == 1 else ():
            rest = rests[word][0].strip("-_. ")
            key = "/".join(part for part in (folder, rest) if part) or Path(root).resolve().name
            found.setdefault(key, {}).setdefault(word, []).append(name)
    return [_of_modalities(root, key, files, words) for key, files in found.items()] + unclear


def _of_modalities(root: str, key: str, files: Mapping[str, Sequence[str]], words: Sequence[str]) -> Case:
    """Return a case, with a fault if a modality is missing or present twice."""
    fault = None
    for word in files:
        if len(files[word]) > 1:
            first, second = files[word][:2]
            fault = f"'{first}' and '{second}' are both the {word} of '{key}': give a list."
    if missing := [word for word in words if word not in files]:
        fault = f"the case '{key}' in '{root}' has no {' and no '.join(missing)}: add the file, or give a list."
    return Case(key, tuple((join(root, name),) for word in words for name in files.get(word, ())), fault)
