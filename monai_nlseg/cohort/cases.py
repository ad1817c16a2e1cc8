"""The cases of a run: files, folders of files, lists, and folders of DICOM series."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_nlseg.cohort.dicom import find_series, is_dicom

__all__ = ["Case", "find_cases"]

VOLUMES = (".nii", ".nii.gz", ".hdr", ".nrrd", ".mha", ".mhd")
IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif")
LISTS = (".csv", ".json", ".jsonl")


@dataclass(frozen=True)
class Case:
    """What one label map is made of.

    Attributes:
        name: path-like and unique, below which the outputs lie: "site/patient-1".
        images: one path a modality; that of a DICOM series is a tuple of its files, in the order of its slices.
    """

    name: str
    images: tuple[Path | tuple[Path, ...], ...]

    @property
    def files(self) -> list[Path]:
        """All files that the case is read from."""
        found: list[Path] = []
        for image in self.images:
            for path in image if isinstance(image, tuple) else (image,):
                found.append(path)
                if path.suffix == ".hdr":
                    found.append(path.with_suffix(".img"))
        return found


def find_cases(source: str | Path, pattern: str = "**/*") -> list[Case]:
    """The cases of an image, a folder, a list or a folder of DICOM series.

    - An image: NIfTI, Analyze (its ``.hdr``), NRRD, MetaImage, PNG, JPEG, TIFF, BMP, GIF, or DICOM.
    - A folder: every such file below it that ``pattern`` matches, one case each. DICOM files are grouped by
      SeriesInstanceUID, a multi-frame file is a case of its own. Hidden files are left out.
    - A list: a table ``.csv``, or ``.json`` or ``.jsonl`` with one entry a case. One column or key a modality, in the
      order that the network takes them; ``case`` names the case. Paths are relative to the list.

    Args:
        source: the image, folder or list.
        pattern: glob pattern below a folder.

    Raises:
        ValueError: if ``source`` does not exist or holds no case, a list is damaged or names a file that is not there,
            or two cases have one name.
    """
    source = Path(source)
    if source.is_dir():
        cases = _in_folder(source, pattern)
    elif not source.is_file():
        raise ValueError(f"'{source}' does not exist: give an image, a folder, or a list (.csv, .json, .jsonl).")
    elif source.suffix.lower() in LISTS:
        cases = _in_list(source)
    else:
        cases = [Case(_stem(source.name), (source,))]
    if not cases:
        raise ValueError(f"'{source}' holds no image that '{pattern}' matches: give the folder of NIfTI, DICOM, PNG, ...")
    twice = [name for name, count in Counter(case.name for case in cases).items() if count > 1]
    if twice:
        raise ValueError(
            f"{len(twice)} names stand for several cases, the first '{twice[0]}': rename the files, or give a list "
            "with a column 'case'."
        )
    return cases


def _in_folder(root: Path, pattern: str) -> list[Case]:
    shown = sorted(path for path in root.glob(pattern) if path.is_file() and not _hidden(path.relative_to(root)))
    known = [path for path in shown if path.name.lower().endswith((*VOLUMES, *IMAGES))]
    cases = [Case(_stem(path.relative_to(root).as_posix()), (path,)) for path in known]
    others = [path for path in shown if path not in set(known) and is_dicom(path)]
    return cases + [Case(name, (files,)) for name, files in find_series(root, others).items()]


def _in_list(path: Path) -> list[Case]:
    return [_entry(path, line, row) for line, row in enumerate(_rows(path), 1)]


def _rows(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".csv":
            return list(csv.DictReader(text.splitlines(), strict=True))
        if path.suffix.lower() == ".jsonl":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        found = json.loads(text)
    except (OSError, ValueError, csv.Error) as error:
        raise ValueError(f"'{path}' cannot be read as a list ({error}): give a table or JSON in UTF-8.") from None
    # MONAI's and the decathlon's lists have the cases to infer under "testing".
    rows = found.get("testing") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise ValueError(f"'{path}' is no list of cases: expected a JSON list, or one under the key 'testing'.")
    return rows


def _entry(path: Path, line: int, row: Any) -> Case:
    row = {"image": row} if isinstance(row, (str, list)) else row
    if not isinstance(row, Mapping):
        raise ValueError(f"'{path}', case {line} is {type(row).__name__}: expected a path, or a path for each modality.")
    files = list(_texts(row[key] for key in row if key not in ("case", "label")))
    if not files or any(not isinstance(file, str) or not file for file in files):
        raise ValueError(f"'{path}', case {line} lacks the path of an image: give one for each modality.")
    images = tuple(path.parent / file for file in files)
    missing = [image for image in images if not image.exists()]
    if missing:
        raise ValueError(f"'{path}', case {line}: '{missing[0]}' does not exist.")
    name = str(row.get("case") or _stem(files[0] if not Path(files[0]).is_absolute() else images[0].name))
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"'{path}', case {line}: the name '{name}' leads out of the output folder: name it otherwise.")
    return Case(name, tuple(_image(image) for image in images))


def _image(path: Path) -> Path | tuple[Path, ...]:
    """A folder stands for the DICOM series in it."""
    if not path.is_dir():
        return path
    series = find_series(path, sorted(file for file in path.iterdir() if file.is_file() and is_dicom(file)))
    if len(series) != 1:
        raise ValueError(f"'{path}' holds {len(series)} DICOM series: give a folder with one.")
    return next(iter(series.values()))


def _texts(values: Iterable[Any]) -> Iterable[Any]:
    for value in values:
        yield from value if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def _stem(name: str) -> str:
    return re.sub(rf"({'|'.join(map(re.escape, (*VOLUMES, *IMAGES, '.dcm')))})(\.gz)?$", "", name, flags=re.IGNORECASE)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
