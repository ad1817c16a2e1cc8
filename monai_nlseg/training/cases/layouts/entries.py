"""Entries of lists: a labelled image each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from monai_nlseg.bounds import shown
from monai_nlseg.cohort.cases.folder import with_header
from monai_nlseg.io.storage import is_remote
from monai_nlseg.training.cases.case import Part
from monai_nlseg.training.cases.found import FoundCase
from monai_nlseg.training.cases.naming import image_name

PARTS: dict[str, Part] = {
    "train": "training",
    "training": "training",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""Names of the parts of a data set, in lower case."""
LABELS = ("label", "mask", "seg", "segmentation")
"""Keys of the label map; the first one that an entry has is taken."""


SUBJECTS = ("subject", "subject_id", "patient", "patient_id", "participant", "participant_id")
"""Keys of the subject; the first one that an entry has is taken."""


def label_key(keys: Iterable[str]) -> str | None:
    """Return which of the keys of an entry is that of its label map, None if none is.

    Args:
        keys: the keys, in upper or lower case.
    """
    lower = {key.lower(): key for key in reversed(list(keys))}
    return next((lower[key] for key in LABELS if key in lower), None)


def case_of(
    at: str, entry: Mapping[str, Any], root: Path, image_keys: Sequence[str], part: Part | None = None
) -> FoundCase:
    """Return the case of an entry; without the key "case", its name is empty.

    Args:
        at: where the entry stands, for the errors.
        entry: the entry. Besides its image and its label it may have "case", "subject" (or "patient_id" and the like),
            "fold" and "part" or "split".
        root: folder that its paths are relative to.
        image_keys: keys of its images, in the order of the channels.
        part: the part of the data set that the list is about; the entry may name another one.

    Raises:
        ValueError: for an entry without an image or a label map, and a part or fold that cannot be.
    """
    images = tuple(path for key in image_keys for path in _paths(at, entry.get(key), root, f"image ('{key}')"))
    label = label_key(entry)
    labels = _paths(at, entry.get(label) if label else None, root, "label map")
    rest = {key.lower(): value for key, value in entry.items() if key not in (*image_keys, label)}
    given = rest.get("part") or rest.get("split")
    if given:
        if str(given).lower() not in PARTS:
            raise ValueError(f"{at} is of the part {shown(given)}: give training, validation or test.")
        part = PARTS[str(given).lower()]
    columns = {key: str(value).strip() for key, value in rest.items() if isinstance(value, str | int | float)}
    if subject := next((columns[key] for key in SUBJECTS if columns.get(key)), None):
        columns["subject"] = subject
    return FoundCase(columns.get("case", ""), images, labels, part, _fold(at, rest.get("fold")), columns)


def _paths(at: str, given: Any, root: Path, what: str) -> tuple[str, ...]:
    paths = given if isinstance(given, list) else [given]
    if not paths or any(not isinstance(path, str) or not path.strip() for path in paths):
        raise ValueError(f"{at} has no {what}: give a path.")
    if remote := [path for path in paths if is_remote(path)]:
        raise ValueError(f"{at} names '{remote[0]}': training reads local files, so copy the data set first.")
    return tuple(with_header(_absolute(root, path.strip())) for path in paths)


def _absolute(root: Path, path: str) -> str:
    """Return an absolute path; one that was written on Windows is read elsewhere, too."""
    found = os.path.abspath(root / path)
    return found if os.path.exists(found) else os.path.abspath(root / path.replace("\\", "/"))


def _fold(at: str, given: Any) -> int | None:
    if given is None or str(given).strip().lower() in ("", "nan"):
        return None
    number = str(given).strip().removesuffix(".0")  # spreadsheets and pandas write whole numbers as 1.0
    if not (number.isascii() and number.isdigit()):
        raise ValueError(f"{at} is of the fold {shown(given)}: give a whole number from 0.")
    return int(number)


def with_names(cases: Sequence[FoundCase]) -> list[FoundCase]:
    """Name the cases without a name after the paths of their images, below the folder that all images share.

    Args:
        cases: the cases of a list.
    """
    unnamed = [case.images[0] for case in cases if not case.name]
    shared = os.path.commonpath([os.path.dirname(path) for path in unnamed]) if unnamed else ""
    return [
        case if case.name else replace(case, name=image_name(os.path.relpath(case.images[0], shared))) for case in cases
    ]
