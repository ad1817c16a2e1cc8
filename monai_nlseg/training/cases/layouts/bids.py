"""BIDS: raw images, with label maps among the derivatives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from monai_nlseg.errors import listed
from monai_nlseg.evaluation.names import ENTITY
from monai_nlseg.io.case_list import read_list
from monai_nlseg.io.formats import without_suffix
from monai_nlseg.training.cases.case import Classes
from monai_nlseg.training.cases.classes import classes_of
from monai_nlseg.training.cases.files import ImageFiles, image_files
from monai_nlseg.training.cases.found import FoundCase, FoundData, Layout
from monai_nlseg.training.cases.matching import match

TREE = """\
study/
    sub-01/[ses-1/]anat/sub-01_[ses-1_]T1w.nii.gz
    derivatives/any/sub-01/[ses-1/]anat/sub-01_[ses-1_]dseg.nii.gz
    derivatives/any/dseg.tsv          names of the labels, with the columns index and name
    participants.tsv                  optional, for --subject COLUMN"""
LABELS = ("dseg", "mask")
"""Suffixes of label maps; masks count where no image has a dseg."""


def recognised(path: Path) -> Path | None:
    """Return ``path`` if it is a folder with subjects whose folders hold ``anat``."""
    if not path.is_dir() or not (any(path.glob("sub-*/anat")) or any(path.glob("sub-*/ses-*/anat"))):
        return None
    return path if any(any(path.rglob(f"sub-*_{suffix}.nii*")) for suffix in LABELS) else None


def read(folder: Path, channels: Sequence[str] = ()) -> FoundData:
    """Read a data set.

    Args:
        folder: its folder.
        channels: suffixes of the images, such as ("T1w", "FLAIR"); empty if the data set has only one.

    Returns:
        Its cases, with the columns of ``participants.tsv``.

    Raises:
        ValueError: if the images have several suffixes and ``channels`` is empty, and for damaged tables.
    """
    files = image_files(folder)
    raw = [name for name in files.names if name.startswith("sub-") and "/anat/" in name and _suffix(name) not in LABELS]
    suffixes = sorted({_suffix(name) for name in raw})
    if len(suffixes) > 1 and not channels:
        raise ValueError(
            f"'{folder}' has images of {', '.join(suffixes)}: choose by --channels, such as --channels {suffixes[0]}."
        )
    channels = tuple(channels) or tuple(suffixes)
    if missing := [name for name in channels if name not in suffixes]:
        raise ValueError(f"'{folder}' has no image of {missing[0]}, only of {', '.join(suffixes)}: correct --channels.")
    images, left_out = _images(files, raw, channels)
    labels, several = _labels(files)
    found = match(images, labels)
    people = _participants(folder / "participants.tsv")
    cases = tuple(_with_subject(case, people) for case in found.cases)
    names = _names([path for path in files.others if path.endswith("dseg.tsv")], folder)
    return FoundData(cases, names, channels, (*files.left_out, *left_out, *several, *found.left_out))


def _suffix(name: str) -> str:
    return without_suffix(name).rpartition("_")[2]


def _case(name: str) -> str:
    """Return a file's name without its suffix and the folders that say nothing: ``sub-01_ses-1``."""
    return PurePosixPath(without_suffix(name)).name.rpartition("_")[0]


def _images(
    files: ImageFiles, raw: Iterable[str], channels: Sequence[str]
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return the files of each case, whose names differ only by the suffix."""
    found: dict[str, dict[str, str]] = {}
    for name in raw:
        if _suffix(name) in channels:
            found.setdefault(_case(name), {}).setdefault(_suffix(name), str(files.root / name))
    missing = {case: [f"'{case}_{word}'" for word in channels if word not in of] for case, of in found.items()}
    left_out = [f"case '{case}' lacks a channel: looked for {listed(of)}." for case, of in missing.items() if of]
    whole = {case: of for case, of in found.items() if len(of) == len(channels)}
    return {case: tuple(of[word] for word in channels) for case, of in whole.items()}, left_out


def _labels(files: ImageFiles) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return the label map of each case: of several, the one in the image's own space."""
    named = [name for name in files.names if _suffix(name) in LABELS]
    if any(_suffix(name) == "dseg" for name in named):
        named = [name for name in named if _suffix(name) == "dseg"]
    found: dict[str, list[str]] = {}
    for name in named:
        entities = [part for part in _case(name).split("_") if not part.startswith(("space-", "desc-", "label-"))]
        found.setdefault("_".join(entities), []).append(name)
    labels: dict[str, tuple[str, ...]] = {}
    left_out = []
    for case, several in found.items():
        own = [name for name in several if "_space-" not in name] or several
        if len(own) == 1:
            labels[_without_kind(case)] = (str(files.root / own[0]),)
        else:
            left_out.append(
                f"case '{case}' has several label maps, {listed(own)}: choose by patterns, --images and --labels."
            )
    return labels, left_out


def _without_kind(case: str) -> str:
    """Return the entities of a label map's name, without a suffix of its image such as T1w."""
    return "_".join(part for part in case.split("_") if ENTITY.fullmatch(part))


def _with_subject(case: FoundCase, people: Mapping[str, Mapping[str, str]]) -> FoundCase:
    subject = re.match(r"sub-[A-Za-z0-9+]+", case.name)
    name = subject[0] if subject else case.name
    return replace(case, columns={**people.get(name, {}), "subject": name})


def _participants(path: Path) -> dict[str, dict[str, str]]:
    rows = read_list(str(path)) if path.is_file() else []
    return {row.get("participant_id", ""): row for row in rows}


def _names(tables: Iterable[str], folder: Path) -> Classes | None:
    """Return the classes that the tables of the label maps name."""
    names: dict[int, str] = {}
    for table in tables:
        for row in read_list(str(folder / table)):
            index, name = row.get("index", ""), row.get("name", "")
            if not index.isdigit() or not name:
                raise ValueError(f"'{folder / table}' needs the columns index and name, a whole number and a text.")
            if names.setdefault(int(index), name) != name:
                raise ValueError(
                    f"'{folder / table}' names the value {index} '{name}', another table '{names[int(index)]}': "
                    "correct one, or choose label maps by patterns, --images and --labels."
                )
    foreground = {name: value for value, name in names.items() if value}
    return classes_of(foreground, at=f"the dseg.tsv of '{folder}'") if foreground else None


LAYOUT = Layout("BIDS", TREE, recognised, read)
