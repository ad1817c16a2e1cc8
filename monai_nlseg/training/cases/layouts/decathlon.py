"""The Medical Segmentation Decathlon."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from monai_nlseg.training.cases.files import image_files
from monai_nlseg.training.cases.found import FoundData, Layout
from monai_nlseg.training.cases.layouts import datalist
from monai_nlseg.training.cases.layouts.json_file import description
from monai_nlseg.training.cases.naming import label_name

TREE = """\
Task01_Name/
    dataset.json              "training": [{"image": ..., "label": ...}], "labels", "modality"
    imagesTr/case.nii.gz      all channels in one file
    labelsTr/case.nii.gz"""


def recognised(path: Path) -> Path | None:
    """Return the folder of the data set if ``path`` is it, its dataset.json, or holds it alone.

    Raises:
        ValueError: if ``path`` holds several, or a dataset.json is damaged.
    """
    if path.name == "dataset.json" and path.is_file():
        path = path.parent
    if _is_task(path):
        return path
    inside = [folder for folder in sorted(path.glob("Task[0-9][0-9]_*")) if _is_task(folder)]
    if len(inside) > 1:
        raise ValueError(f"'{path}' holds {len(inside)} data sets: give one, such as '{inside[0]}'.")
    return inside[0] if inside else None


def _is_task(folder: Path) -> bool:
    about = description(folder)
    return about is not None and isinstance(about.get("training"), list)


def read(folder: Path, channels: Sequence[str] = ()) -> FoundData:
    """Read a data set.

    Args:
        folder: its folder, with ``dataset.json``.
        channels: names of the channels, if the file does not name them.

    Returns:
        The cases that dataset.json lists; label maps that it does not list are left out.

    Raises:
        ValueError: as :func:`monai_nlseg.training.cases.layouts.datalist.read`.
    """
    found = datalist.read(folder / "dataset.json", channels)
    files = image_files(folder)
    listed = {os.path.realpath(label) for case in found.cases for label in case.labels}
    unlisted = [
        f"label map '{name}' is not listed in dataset.json."
        for name in files.names
        if name.startswith("labelsTr/") and os.path.realpath(folder / name) not in listed
    ]
    cases = tuple(replace(case, name=label_name(Path(case.labels[0]).name).case) for case in found.cases)
    return replace(found, cases=cases, left_out=(*found.left_out, *files.left_out, *unlisted))


LAYOUT = Layout("Medical Segmentation Decathlon", TREE, recognised, read)
