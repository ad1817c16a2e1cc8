"""nnU-Net's raw data sets, of its first and second version."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_nlseg.errors import listed
from monai_nlseg.io.formats import is_picture
from monai_nlseg.training.cases.case import Part
from monai_nlseg.training.cases.classes import classes_of
from monai_nlseg.training.cases.files import ImageFiles, image_files
from monai_nlseg.training.cases.found import FoundCase, FoundData, Layout
from monai_nlseg.training.cases.layouts.json_file import description, names_by_number

TREE = """\
Dataset001_Name/
    dataset.json              "channel_names", "labels", "file_ending"
    imagesTr/
        case_0000.nii.gz      the first channel
        case_0001.nii.gz      the second channel, if there is one
    labelsTr/
        case.nii.gz
    imagesTs/, labelsTs/      the test part, if there is one"""

NAMES = ("Dataset[0-9][0-9][0-9]_*", "Task[0-9][0-9][0-9]_*", "Task[0-9][0-9]_*")
"""Names of data sets: of the second version, of the first, and of the Decathlon for the first."""


def recognised(path: Path) -> Path | None:
    """Return the folder of the data set if ``path`` is it, its dataset.json, or a folder that holds one such folder.

    Raises:
        ValueError: if ``path`` holds several, or a dataset.json is damaged.
    """
    if path.name == "dataset.json" and path.is_file():
        path = path.parent
    if _is_raw(path):
        return path
    names = (
        "Dataset[0-9][0-9][0-9]_*",
        "Task[0-9][0-9][0-9]_*",
        "Task[0-9][0-9]_*",
    )  # the second version, and the first
    inside = [folder for name in names for folder in sorted(path.glob(name)) if _is_raw(folder)]
    if len(inside) > 1:
        raise ValueError(f"'{path}' holds {len(inside)} data sets: give one, such as '{inside[0]}'.")
    return inside[0] if inside else None


def _is_raw(folder: Path) -> bool:
    about = description(folder)
    if about is None or not isinstance(about.get("labels"), dict):
        return False
    if "channel_names" in about or "file_ending" in about:
        return True
    # The first version describes itself as the Decathlon does, and differs in the names of its images.
    return "modality" in about and any(folder.glob("imagesTr/*_0000.*"))


def read(folder: Path, channels: Sequence[str] = ()) -> FoundData:
    """Read a data set.

    Args:
        folder: its folder, with ``dataset.json``.
        channels: must be empty, for the data set names its channels.

    Returns:
        Its cases; those of imagesTs with a label map in labelsTs are the test part.

    Raises:
        ValueError: for a ``dataset.json`` that does not describe labels and channels.
    """
    if channels:
        raise ValueError(f"the dataset.json of '{folder}' names the channels: leave --channels out.")
    about = description(folder) or {}
    names = names_by_number(about.get("channel_names", about.get("modality")))
    if not names:
        raise ValueError(f"'{folder / 'dataset.json'}' has no channel_names: name them, as in {{'0': 'T1'}}.")
    classes = classes_of(
        about["labels"], about.get("regions_class_order"), f"the labels of '{folder / 'dataset.json'}'"
    )
    files = image_files(folder)
    left_out = list(files.left_out)
    if isinstance(about.get("dataset"), dict):
        cases = list(_named(folder, about["dataset"], left_out))
    else:
        ending = str(about.get("file_ending", ".nii.gz"))
        cases = [*_part(files, "Tr", ending, names, left_out), *_part(files, "Ts", ending, names, left_out)]
    return FoundData(tuple(cases), classes, names, tuple(left_out))


def _named(folder: Path, dataset: Mapping[str, Any], left_out: list[str]) -> Iterable[FoundCase]:
    """Yield the cases that the key "dataset" lists, with paths that are relative to the folder."""
    for name, entry in dataset.items():
        images, label = (entry.get("images"), entry.get("label")) if isinstance(entry, dict) else (None, None)
        texts = isinstance(label, str) and isinstance(images, list) and all(isinstance(each, str) for each in images)
        if texts and images:
            paths = tuple(os.path.abspath(folder / each) for each in (*images, str(label)))
            yield FoundCase(name, paths[:-1], paths[-1:], "training")
        else:
            left_out.append(f"case '{name}' in the dataset.json of '{folder}' needs \"images\", a list, and \"label\".")


def _part(
    files: ImageFiles, part: str, ending: str, channels: Sequence[str], left_out: list[str]
) -> Iterable[FoundCase]:
    """Yield the cases of imagesTr or imagesTs."""
    images: dict[str, dict[int, str]] = {}
    labels: dict[str, str] = {}
    for name in files.names:
        folder, _, rest = name.partition("/")
        if folder == f"images{part}" and (match := re.fullmatch(rf"(.+)_(\d{{4}}){re.escape(ending)}", rest)):
            images.setdefault(match[1], {})[int(match[2])] = str(files.root / name)
        elif folder == f"labels{part}" and rest.endswith(ending):
            labels[rest.removesuffix(ending)] = str(files.root / name)
        elif folder in (f"images{part}", f"labels{part}"):
            wanted = f"case_0000{ending}" if folder.startswith("images") else f"case{ending}"
            left_out.append(f"'{name}' is not named like '{wanted}', as its folder and file_ending demand.")
    alone = [case for case in images if case not in labels]
    if part == "Ts" and alone:
        left_out.append(f"{len(alone)} cases of imagesTs have no label map in labelsTs: {listed(alone)}.")
    elif alone:
        left_out += [f"case '{case}' has no label map: looked for 'labels{part}/{case}{ending}'." for case in alone]
    for case, label in labels.items():
        if case not in images:
            left_out.append(f"label map 'labels{part}/{case}{ending}' has no image: looked for '{case}_0000{ending}'.")
        elif reason := _wrong_channels(case, images[case], channels, ending):
            left_out.append(reason)
        else:
            of_part: Part = "training" if part == "Tr" else "test"
            yield FoundCase(case, tuple(path for _, path in sorted(images[case].items())), (label,), of_part)


def _wrong_channels(case: str, found: Mapping[int, str], channels: Sequence[str], ending: str) -> str | None:
    if set(found) == {0} and is_picture(ending):
        return None  # a coloured picture holds all its channels
    missing = [number for number in range(len(channels)) if number not in found]
    if missing:
        files = listed([f"'{case}_{number:04d}{ending}' ({channels[number]})" for number in missing])
        return f"case '{case}' lacks a channel: looked for {files}."
    if extra := [number for number in found if number >= len(channels)]:
        return f"case '{case}' has a channel {extra[0]:04d} that dataset.json does not name in channel_names."
    return None


LAYOUT = Layout("nnU-Net", TREE, recognised, read)
