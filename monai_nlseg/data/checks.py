"""Checks that a case's files belong together, made before hours of work are spent on them."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from monai.utils import ensure_tuple

from monai_nlseg.io.volumes import read_header, read_volume

__all__ = ["check_volumes", "read_rows", "require_directory", "select_subjects"]


def require_directory(path: str | Path, content: str) -> Path:
    """Return ``path`` as an existing directory.

    Args:
        path: the directory.
        content: what it should hold, for the error ("the IBSR18 folders IBSR_NN").

    Raises:
        ValueError: if it does not exist or is a file.
    """
    path = Path(path)
    if not path.is_dir():
        raise ValueError(f"'{path}' is not a directory: give the folder with {content}.")
    return path


def read_rows(path: Path) -> list[list[str]]:
    """The rows of a table (.csv), less those that are empty.

    Raises:
        ValueError: if it cannot be read or is no text.
    """
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
    """The names of ``available`` that ``subjects`` asks for (all of them for None), in the order asked.

    Raises:
        ValueError: if a subject is not there or asked for twice, or nothing is there.
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
        raise ValueError(f"the subjects {wanted} hold one twice: name each once, for its cases would count double.")
    return wanted
