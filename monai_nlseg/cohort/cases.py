"""The cases of a run: files, folders of files, lists, and folders of DICOM series."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from monai_nlseg.cohort.case_list import LISTS, read_list
from monai_nlseg.cohort.dicom import find_series, is_dicom
from monai_nlseg.cohort.storage import exists, files_below, is_remote, join, read_bytes
from monai_nlseg.io.formats import (
    PAIRS,
    PICTURES,
    VOLUMES,
    is_pair_voxels,
    is_picture,
    is_volume,
    named_data,
    pair_header,
    pair_voxels,
    spm_affine,
    without_suffix,
)

__all__ = ["Case", "find_cases", "require_names"]

NO_MODALITIES = ("case", "label", "fold")
"""Columns of a list that are no images."""


@dataclass(frozen=True)
class Case:
    """What one label map is made of.

    Attributes:
        name: path-like and unique, below which the outputs lie: "site/patient-1".
        images: one item a modality, in the order of the network's channels; an item is the path of a file, or the
            paths of a DICOM series' files in the order of its slices. Paths are local or URLs such as
            ``s3://bucket/scan.nii.gz``.
    """

    name: str
    images: tuple[tuple[str, ...], ...]

    @property
    def files(self) -> list[str]:
        """All files that the case is read from, with those that a header of two-file formats refers to."""
        found = []
        for path in (path for image in self.images for path in image):
            found.append(path)
            if path.lower().endswith(PAIRS):
                found.append(pair_voxels(path))
                found += filter(exists, [spm_affine(path)])
            elif path.lower().endswith((".mhd", ".nhdr")):
                found += _data_of(path)
        return found


def find_cases(
    source: str | Path,
    pattern: str = "**/*",
    modalities: Sequence[str] = (),
    leave_out: str | Path | None = None,
    data_list_key: str | None = None,
) -> list[Case]:
    """The cases of an image, a folder, a list or a folder of DICOM series.

    - An image: NIfTI, Analyze (its ``.hdr``), MGH, NRRD, MetaImage, PNG, JPEG, TIFF, BMP, GIF, or DICOM.
    - A folder: every such file below it that ``pattern`` matches, one case each. DICOM files are grouped by
      SeriesInstanceUID, a multi-frame file is a case of its own. Hidden files are left out.
    - A list: a table ``.csv``, or ``.json`` or ``.jsonl`` with one entry a case. One column or key a modality, in the
      order that the network takes them; ``case`` names the case. Paths are relative to the list. The ``dataset.json``
      of the Medical Segmentation Decathlon and MONAI's data lists are such lists.

    Args:
        source: the image, folder or list; a path, or a URL that fsspec reads.
        pattern: glob pattern below a folder.
        modalities: words by which the names of a case's files in a folder differ, in the order of the network's
            channels: with ("T1", "T2"), ``p1-T1.nii`` and ``p1-T2.nii`` are the case ``p1``.
        leave_out: folder below ``source`` whose files are no cases: the outputs of an earlier run.
        data_list_key: which list of a JSON file that has several under different keys; by default ``test`` or
            ``testing``, and where it has neither, the only one of ``validation`` and ``training``.

    Raises:
        ValueError: if ``source`` does not exist, is no image or holds no case, it or an image of a list lies in the
            folder to leave out, a list is damaged or names a file that is not there, a case lacks a modality, or two
            cases have one name.

    Examples::

        cases = find_cases("scans")
        cases = find_cases("iSeg-2017", modalities=("T1", "T2"))
        cases = find_cases("cohort.csv")
        cases = find_cases("Task04_Hippocampus/dataset.json")

    """
    source = str(source)
    if source.lower().endswith(LISTS):
        cases = _listed(source, data_list_key)
        _check_apart(cases, leave_out)
    elif data_list_key is not None:
        raise ValueError(f"'{source}' is no list in JSON: leave the key '{data_list_key}' out.")
    elif Path(source).is_file() or is_remote(source) and _is_image(source) and exists(source):
        cases = [_single(source)]
        _check_apart(cases, leave_out)
    elif is_remote(source) or source and Path(source).is_dir():
        cases = _in_folder(source, pattern, modalities, _inside(source, leave_out))
    else:
        raise ValueError(f"'{source}' does not exist: give an image, a folder, or a list (.csv, .json, .jsonl).")
    require_names(cases)
    return cases


def require_names(cases: Iterable[Case]) -> None:
    """Refuse names that file systems or tables cannot hold apart, or that lead out of the output folder.

    Raises:
        ValueError: for the first such name.
    """
    known: dict[str, Case] = {}
    for case in cases:
        if case.name.startswith("/") or not case.name or {"..", "."} & set(case.name.split("/")):
            raise ValueError(f"the case's name '{case.name}' leads out of the output folder: name it otherwise.")
        other = known.setdefault(case.name.lower(), case)
        if other is not case:
            raise ValueError(
                f"'{other.files[0]}' and '{case.files[0]}' are both the case '{case.name}': rename one, or give a list "
                "with a column 'case'."
            )
        wrong = [text for text in (case.name, *case.files) if re.search("[\ud800-\udfff]", text)]
        if wrong:  # no record, table or report could hold it
            raise ValueError(f"the name {ascii(wrong[0])} is not UTF-8: rename the file.")


def _check_apart(cases: Iterable[Case], folder: str | Path | None) -> None:
    """Refuse a folder of outputs that holds images: outputs could take the place of files there."""
    if folder is None or is_remote(str(folder)):
        return
    outputs = Path(folder).resolve()
    for path in (path for case in cases for path in case.files if not is_remote(path)):
        if Path(path).resolve().is_relative_to(outputs):
            raise ValueError(f"'{folder}' holds the image '{path}': give another folder for the outputs.")


def _single(source: str) -> Case:
    source = _with_header(source)
    path = Path(source)
    if not (is_picture(path) or is_volume(path) or is_dicom(path)):
        kinds = ", ".join((*VOLUMES, *PICTURES))
        raise ValueError(f"'{source}' is no image that is known here: give DICOM or one of {kinds}, or a list of it.")
    return Case(without_suffix(path.name), ((source,),))


def _inside(source: str, folder: str | Path | None) -> str | None:
    """The name of a folder below another, ended by ``/``."""
    if folder is None or is_remote(source) or is_remote(str(folder)):
        return None
    inner, outer = Path(folder).resolve(), Path(source).resolve()
    if inner == outer:
        raise ValueError(f"'{folder}' holds the images: give another folder for the outputs.")
    return inner.relative_to(outer).as_posix() + "/" if inner.is_relative_to(outer) else None


def _in_folder(root: str, pattern: str, modalities: Sequence[str], left_out: str | None) -> list[Case]:
    if PurePosixPath(pattern).is_absolute():
        raise ValueError(f"the pattern '{pattern}' is a path: give one that is relative to '{root}', such as **/*.nii.")
    names = [name for name in files_below(root, pattern) if not name.startswith(".") and "/." not in name]
    if left_out is not None:
        names = [name for name in names if not name.startswith(left_out)]
    headers = {name.lower() for name in names}
    # Voxels without their header are a case, too, which fails: nobody would miss them if they were left out here.
    alone = {name for name in names if is_pair_voxels(name) and pair_header(name).lower() not in headers}
    images = [name for name in names if _is_image(name) or name in alone]
    if modalities:
        cases = _by_modality(root, images, modalities)
    else:
        files = [Case(without_suffix(name), (_image(join(root, name)),)) for name in images]
        cases = files + _dicom(root, names, set(images))
    if not cases:
        named = f" and that is named after {' or '.join(modalities)}" if modalities else ""
        raise ValueError(
            f"'{root}' holds no image that '{pattern}' matches{named}: give the folder of NIfTI, DICOM, PNG."
        )
    return cases


def _dicom(root: str, names: Sequence[str], images: set[str]) -> list[Case]:
    if is_remote(root):
        if any(name.lower().endswith(".dcm") for name in names):
            raise ValueError(f"'{root}' holds DICOM, which is read from local folders only: copy the series first.")
        return []
    others = [path for name in names if name not in images and is_dicom(path := Path(root) / name)]
    series = find_series(Path(root), others)
    return [Case(name, (tuple(map(str, files)),)) for name, files in series.items()]


def _by_modality(root: str, names: Iterable[str], modalities: Sequence[str]) -> list[Case]:
    """Cases of files whose names differ in one word."""
    words = [word.strip("-_. ") for word in modalities]
    if not all(words) or len({*words}) < len(words):
        raise ValueError(f"the modalities {', '.join(map(repr, modalities))} are no different words: name each once.")
    found: dict[str, dict[str, str]] = {}
    for name in names:
        folder, _, last = without_suffix(name).rpartition("/")
        rests = {word: re.subn(rf"(^|[-_. ]){re.escape(word)}(?=$|[-_. ])", "", last) for word in words}
        named = [word for word, (_, count) in rests.items() if count]
        if len(named) > 1:
            raise ValueError(f"'{name}' in '{root}' is named after {' and '.join(named)}: rename it, or give a list.")
        for word in named:
            rest = rests[word][0].strip("-_. ")
            key = "/".join(part for part in (folder, rest) if part) or Path(root).resolve().name
            if word in found.setdefault(key, {}):
                raise ValueError(f"'{found[key][word]}' and '{name}' are both the {word} of '{key}': give a list.")
            found[key][word] = name
    for key, files in found.items():
        missing = [word for word in words if word not in files]
        if missing:
            raise ValueError(
                f"the case '{key}' in '{root}' has no {' and no '.join(missing)}: add the file, or give a list."
            )
    return [Case(key, tuple((join(root, files[word]),) for word in words)) for key, files in found.items()]


def _listed(source: str, data_list_key: str | None) -> list[Case]:
    cases: list[Case] = []
    modalities: list[str] | None = None
    for line, row in enumerate(read_list(source, data_list_key), 1):
        row = {"image": row} if isinstance(row, (str, list)) else row
        if not isinstance(row, Mapping):
            raise ValueError(f"'{source}', case {line} is {row!r}: expected a path, or a path for each modality.")
        keys = [key for key in row if key not in NO_MODALITIES]
        if any("/" in key or _is_image(key) for key in keys):
            raise ValueError(f"'{source}' begins with {keys}: let its first line name the columns, as in case,image.")
        modalities = keys if modalities is None else modalities
        if set(keys) != set(modalities):
            raise ValueError(f"'{source}', case {line} has {keys}, the first one {modalities}: give the same for each.")
        cases.append(_entry(source, line, row.get("case"), [row[key] for key in modalities]))
    if not cases:
        raise ValueError(f"'{source}' lists no case: give one a line, below the names of the columns.")
    return cases


def _entry(source: str, line: int, given: Any, values: Sequence[Any]) -> Case:
    files = [file for value in values for file in (value if isinstance(value, list) else [value])]
    if not files or any(not isinstance(file, str) or not file.strip() for file in files):
        raise ValueError(f"'{source}', case {line} lacks the path of an image: give one for each modality.")
    paths = [file if is_remote(file) else join(_parent(source), file) for file in files]
    missing = [path for path in paths if not exists(path)]
    if missing:
        raise ValueError(f"'{source}', case {line}: '{missing[0]}' does not exist: {_remedy(missing[0])}.")
    own = PurePosixPath(files[0]).is_absolute() or is_remote(files[0]) or ".." in PurePosixPath(files[0]).parts
    name = "" if given is None else str(given).strip()
    name = name or without_suffix(paths[0].rstrip("/").rpartition("/")[2] if own else files[0].rstrip("/"))
    name = PurePosixPath(name).as_posix()
    if name == "." or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise ValueError(
            f"'{source}', case {line}: the name '{name}' leads out of the output folder: name it otherwise."
        )
    return Case(name, tuple(_image(path) for path in paths))


def _remedy(missing: str) -> str:
    """Say what to do about a file that a list names and that is not there."""
    stem = without_suffix(missing)
    if exists(f"{stem}_0000{missing[len(stem) :]}"):  # nnU-Net's lists leave the number of the channel out
        return f"give the folder '{_parent(missing)}' with --modalities _0000 and what other channels there are"
    return "correct the list"


def _image(path: str) -> tuple[str, ...]:
    """Return the files of an image: of a folder its DICOM series, of the voxels of a pair their header."""
    if is_remote(path) or not Path(path).is_dir():
        return (_with_header(path),)
    files = sorted(file for file in Path(path).iterdir() if file.is_file() and is_dicom(file))
    series = find_series(Path(path), files)
    if len(series) != 1:
        raise ValueError(f"'{path}' holds {len(series)} DICOM series: give a folder with one.")
    return tuple(map(str, next(iter(series.values()))))


def _data_of(path: str) -> list[str]:
    """Return the files that a MetaImage or NRRD header names; none if it cannot be read."""
    try:
        header = read_bytes(path)
    except OSError:
        return []
    return [join(_parent(path), name) for name in named_data(header)]


def _with_header(path: str) -> str:
    """Return the header of the voxels of a pair, if it is there; other paths as they are."""
    header = pair_header(path)
    return header if header != path and exists(header) else path


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "." if is_remote(path) else str(Path(path).parent)


def _is_image(name: str) -> bool:
    return is_picture(name) or is_volume(name) and not is_pair_voxels(name)
