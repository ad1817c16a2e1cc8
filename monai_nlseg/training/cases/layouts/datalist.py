"""MONAI's datalists: JSON with the lists "training", "validation" and "test"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_nlseg.training.cases.case import Part
from monai_nlseg.training.cases.classes import classes_of
from monai_nlseg.training.cases.found import FoundCase, FoundData, Layout
from monai_nlseg.training.cases.layouts.entries import PARTS, case_of, label_key, with_names
from monai_nlseg.training.cases.layouts.json_file import names_by_number, read_json

TREE = """\
datalist.json
    {"training":   [{"image": "images/a.nii.gz", "label": "labels/a.nii.gz", "fold": 0}, ...],
     "validation": [{"image": ["b_t1.nii.gz", "b_t2.nii.gz"], "label": "b_seg.nii.gz"}, ...],
     "test":       [...]}"""


def recognised(path: Path) -> Path | None:
    """Return ``path`` if it is a JSON file."""
    return path if path.suffix.lower() == ".json" and path.is_file() else None


def read(path: Path, channels: Sequence[str] = (), root: Path | None = None) -> FoundData:
    """Read a datalist.

    Args:
        path: the file.
        channels: names of the channels, if the file has no "modality" or "channel_names".
        root: folder that its paths are relative to; by default that of the file.

    Returns:
        Its labelled cases. "fold" is the fold that validates a case, as in Auto3DSeg.

    Raises:
        ValueError: for a file that is not a datalist.
    """
    content = read_json(path)
    about = content if isinstance(content, dict) else {}
    lists: Mapping[str | None, Any] = content if isinstance(content, dict) else {None: content}
    root = path.parent if root is None else root
    cases: list[FoundCase] = []
    left_out: list[str] = []
    for key, entries in lists.items():
        part = PARTS.get(key.lower()) if isinstance(key, str) else None
        if (part or key is None) and isinstance(entries, list):
            where = f"'{path}', {key}" if key else f"'{path}'"
            cases += _cases(where, entries, root, part, left_out)
    if not cases and not left_out:
        raise ValueError(f"'{path}' holds no list of cases: give entries under the key 'training'.")
    classes = classes_of(about["labels"], at=f"the labels of '{path}'") if about.get("labels") else None
    named = names_by_number(about.get("channel_names", about.get("modality"))) if not channels else tuple(channels)
    return FoundData(tuple(with_names(cases)), classes, named, tuple(left_out))


def _cases(
    where: str, entries: Sequence[Any], root: Path, part: Part | None, left_out: list[str]
) -> Iterable[FoundCase]:
    """Yield the labelled cases of a list."""
    unlabelled = 0
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, str) or isinstance(entry, Mapping) and label_key(entry) is None:
            unlabelled += 1
        elif not isinstance(entry, Mapping):
            left_out.append(f"{where}, entry {number} is {entry!r:.60}: give an image and a label.")
        else:
            try:
                yield case_of(f"{where}, entry {number}", entry, root, ["image"], part)
            except ValueError as error:
                left_out.append(str(error))
    if unlabelled:
        left_out.append(f"{where}: images without a label are not used, {unlabelled} in all.")


LAYOUT = Layout("MONAI datalist", TREE, recognised, read)
