"""Checks that a case's files belong together, made before hours of work are spent on them."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from monai.utils import ensure_tuple

from monai_nlseg.io.regular import refuse_special_file
from monai_nlseg.io.volumes import read_header, read_volume


def read_rows(path: Path) -> list[list[str]]:
    """Read the rows of a table (.csv), without those that are empty.

    Args:
        path: path of the table.

    Raises:
        ValueError: if it cannot be read or is not text.
    """
    refuse_special_file(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"'{path}' cannot be read as a table ({error}): restore it, as text in UTF-8.") from None


def check_volumes(
    case: str, images: Mapping[str, Path], label: Path | None = None, label_values: Collection[int] = ()
) -> None:
    """Check that a case's modalities and label share one grid and that the label holds known values only.

    Args:
        case: name of the case, for the errors.
        images: modality name -> file; the first is the reference.
        label: label file, if any.
        label_values: the values a label may hold.

    Raises:
        ValueError: for an unreadable file, a shape or affine that differs from the first modality's, or a label
            value that is not in ``label_values``.
    """
    files = dict(images) | ({"label": label} if label is not None else {})
    volumes = {name: read_header(path, whole=True) for name, path in files.items()}
    reference_name, reference = next(iter(volumes.items()))
    for name, volume in volumes.items():
        if volume.shape != reference.shape:
            raise ValueError(
                f"{case}: {name} has shape {volume.shape}, {reference_name} has {reference.shape}: "
                "resample them to one grid."
            )
        if not np.allclose(volume.affine, reference.affine, atol=1e-3):
            raise ValueError(
                f"{case}: the affine of {name} differs from that of {reference_name} by up to "
                f"{np.abs(volume.affine - reference.affine).max():.4g}: resample them to one grid."
            )
    if label is not None:
        found = np.unique(read_volume(label).values)
        unknown = [value for value in found.tolist() if value not in set(label_values)]
        if unknown:
            raise ValueError(
                f"{case}: label '{label}' holds {unknown[:5]}, expected only {sorted(label_values)}: "
                "map the labels to these values."
            )


def select_subjects(available: Mapping[str, object], subjects: Sequence[str | int] | None, root: Path) -> list[str]:
    """Return the names of ``available`` that ``subjects`` asks for, in the order asked.

    Args:
        available: subjects that exist, by name.
        subjects: names to choose; None for all.
        root: folder of the data set, for the errors.

    Raises:
        ValueError: if a subject is missing or asked for twice, or there are no subjects.
    """
    if not available:
        raise ValueError(f"'{root}' holds no subject in the expected layout: see the reader's documentation.")
    if subjects is None:
        return list(available)
    wanted = [str(subject) for subject in ensure_tuple(subjects)]
    missing = [subject for subject in wanted if subject not in available]
    if missing:
        raise ValueError(f"'{root}' has no subject {missing}: it holds {list(available)}.")
    if len(set(wanted)) < len(wanted):
        raise ValueError(f"the subjects {wanted} hold one twice: name each once, because its cases would count double.")
    return wanted
