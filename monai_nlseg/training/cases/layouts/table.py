"""Tables, as CSV, TSV or JSON lines: a labelled image in each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_nlseg.cohort.cases.folder import is_image
from monai_nlseg.io.case_list import read_list
from monai_nlseg.training.cases.found import FoundCase, FoundData, Layout
from monai_nlseg.training.cases.layouts.entries import case_of, label_key, with_names

TREE = """\
cases.csv
    case,image_T1,image_FLAIR,label,subject,part
    a,t1/a.nii.gz,flair/a.nii.gz,labels/a.nii.gz,sub-1,training
    (one column "image" for one channel; case, subject, part and fold may be missing)"""


def recognised(path: Path) -> Path | None:
    """Return ``path`` if it is a table by its suffix."""
    return path if path.suffix.lower() in (".csv", ".tsv", ".jsonl") and path.is_file() else None


def read(path: Path, channels: Sequence[str] = (), root: Path | None = None) -> FoundData:
    """Read a table.

    Its images are the column "image", or else the columns that begin with "image_", or else those that hold images
    besides the label.

    Args:
        path: the file.
        channels: columns of the images, in the order of the network's channels, with or without "image_"; empty for
            the columns above.
        root: folder that its paths are relative to; by default that of the table.

    Returns:
        Its cases; a row without an image or a label is left out.

    Raises:
        ValueError: for a file that is not a table, or that lacks such columns.
    """
    rows = read_list(str(path))
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise ValueError(f"'{path}' holds no rows of named values: name the columns in the first line, as image,label.")
    columns = list(dict.fromkeys(key for row in rows for key in row))
    if label_key(columns) is None:
        raise ValueError(f"'{path}' has the columns {', '.join(columns)}: name the column of the label maps 'label'.")
    keys = _image_columns(path, columns, rows, channels)
    cases: list[FoundCase] = []
    left_out = []
    for number, row in enumerate(rows, 1):
        try:
            cases.append(case_of(f"'{path}', row {number}", row, path.parent if root is None else root, keys))
        except ValueError as error:
            left_out.append(str(error))
    names = tuple(key.removeprefix("image_") for key in keys) if len(keys) > 1 else ()
    return FoundData(tuple(with_names(cases)), channels=names, left_out=tuple(left_out))


def _image_columns(
    path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], channels: Sequence[str]
) -> list[str]:
    if channels:
        known = {key.removeprefix("image_"): key for key in columns} | {key: key for key in columns}
        if missing := [name for name in channels if name not in known]:
            raise ValueError(f"'{path}' has no column '{missing[0]}', only {', '.join(columns)}: correct --channels.")
        return [known[name] for name in channels]
    if alone := [key for key in columns if key.lower() == "image"]:
        return alone[:1]
    label = label_key(columns)
    found = [key for key in columns if key.startswith("image_")] or [
        key for key in columns if key != label and any(is_image(str(row.get(key))) for row in rows)
    ]
    if not found:
        raise ValueError(f"'{path}' has the columns {', '.join(columns)}: name the column of the images 'image'.")
    return found


LAYOUT = Layout("table", TREE, recognised, read)
