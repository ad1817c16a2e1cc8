"""DICOM files grouped into cases."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monai_nlseg.io.dicom.header import (
    class_of,
    is_bare_dicom,
    is_image,
    is_picture,
    lost_its_image,
    read_header,
    require,
)
from monai_nlseg.io.dicom.planes import lies_in_patient
from monai_nlseg.io.formats import DICOM
from monai_nlseg.quiet import remarks_withheld


def is_dicom(path: Path) -> bool:
    """Return whether a file begins as DICOM does, or has a suffix of DICOM.

    DICOM begins with 128 bytes and DICM, or with its first elements.

    So an empty or damaged ``.dcm`` is not lost silently: it becomes a case that fails.

    Args:
        path: path of the file.
    """
    if path.suffix.lower() in DICOM:
        return True
    if not path.is_file():  # a named pipe would be waited for
        return False
    try:
        with path.open("rb") as file:
            file.seek(128)
            marked = file.read(4) == b"DICM"
    except OSError:
        return False
    return marked or is_bare_dicom(path)


def find_series(root: Path, files: Sequence[Path]) -> dict[str, tuple[Path, ...]]:
    """Group files into cases; return the files of each by its name below ``root``.

    - The single-frame images of a patient, study and SeriesInstanceUID are one case, in the order of their slices,
      whichever folders they lie in. It has the name of the folder that holds them all; if that holds several series,
      "series-" and eight digits of a digest of the SeriesInstanceUID follow. Nothing from a header becomes a name,
      because descriptions and identifiers may be a patient's.
    - A multi-frame file, an ultrasound image and any other image without a position in the patient is a case by itself,
      named after the file.
    - A file whose header cannot be read is a case by itself too, so that it is accounted for: reading it fails.
    - Files that are not images (directories, reports, presentation states, segmentations, doses) are left out, and so
      are secondary captures that neither lie in the patient nor come from ultrasound or a camera, such as photographs
      of the fundus: they are pictures of pages and screens.

    Args:
        root: folder that holds ``files``.
        files: files that :func:`is_dicom` takes for DICOM.

    Raises:
        ValueError: without pydicom.
    """
    if files:
        require("pydicom")
    series: dict[tuple[str, ...], list[tuple[float, Path]]] = defaultdict(list)
    alone: list[Path] = []
    for path in files:
        try:
            with remarks_withheld():
                header = read_header(path, complete=False)
                if lost_its_image(header) or (_is_wanted(header) and not _is_slice(header)):
                    alone.append(path)
                elif _is_wanted(header):
                    series[_identity(header, path)].append((_place(header), path))
        except Exception:  # a damaged header can raise anything
            alone.append(path)
    found = _named_series(root, series) + [(_file_names(root, path), (path,)) for path in alone]
    return dict(sorted(zip(_unique([names for names, _ in found]), (files for _, files in found))))


def _identity(header: Any, path: Path) -> tuple[str, ...]:
    uid = header.get("SeriesInstanceUID")
    return (str(header.get("PatientID")), str(header.get("StudyInstanceUID")), str(uid or path.parent))


def _is_wanted(header: Any) -> bool:
    captured = "Secondary Capture" in class_of(header) and not lies_in_patient(header)
    screen = captured and not is_picture(header)
    return is_image(header) and not screen


def _is_slice(header: Any) -> bool:
    return int(header.get("NumberOfFrames") or 1) == 1 and lies_in_patient(header)


def _place(header: Any) -> float:
    """Return the position along the slices' normal in mm, or else the number of the instance."""
    try:
        orientation = np.array(header.ImageOrientationPatient, dtype=float)
        position = np.array(header.ImagePositionPatient, dtype=float)
        return float(position @ np.cross(orientation[:3], orientation[3:]))
    except (TypeError, ValueError):
        return float(header.get("InstanceNumber") or 0)


def _named_series(
    root: Path, series: dict[tuple[str, ...], list[tuple[float, Path]]]
) -> list[tuple[list[str], tuple[Path, ...]]]:
    """Return for each series the names it may have, the preferred first, and its files."""
    folders = {key: Path(os.path.commonpath([path.parent for _, path in found])) for key, found in series.items()}
    shared = Counter(folders.values())
    named = []
    for key, found in series.items():
        folder = folders[key].relative_to(root)
        names = [(folder / f"series-{hashlib.sha256(repr(key).encode()).hexdigest()[:8]}").as_posix()]
        own = folder.as_posix() if folder != Path() else root.resolve().name
        if shared[folders[key]] == 1 and own:
            names = [own, *names]
        found.sort()
        named.append((names, tuple(path for _, path in found)))
    return named


def _file_names(root: Path, path: Path) -> list[str]:
    name = path.relative_to(root)
    # Names such as IM.0001 end with a number, not with a suffix.
    short = name.with_suffix("") if name.suffix.lower() in DICOM else name
    return [short.as_posix(), name.as_posix()]


def _unique(names: Sequence[Sequence[str]]) -> list[str]:
    """Return for each row the first name that no other row has in the same column; numbered if none is left."""
    chosen = [row[0] for row in names]
    for depth in range(1, max(map(len, names), default=1)):
        counts = Counter(chosen)
        chosen = [row[min(depth, len(row) - 1)] if counts[name] > 1 else name for row, name in zip(names, chosen)]
    counts, seen = Counter(chosen), Counter[str]()
    for index, name in enumerate(chosen):
        seen[name] += 1
        if counts[name] > 1:
            chosen[index] = f"{name}-{seen[name]}"
    return chosen
