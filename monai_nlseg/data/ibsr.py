"""Reader of IBSR18: skull-stripped adult T1 brains with manual tissue labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from monai.utils import ensure_tuple

from monai_nlseg.data.checks import check_volumes, select_subjects
from monai_nlseg.io.directory import require_directory

IBSR_CLASSES = {0: "background", 1: "CSF", 2: "GM", 3: "WM"}
"""Label values. CSF is the ventricles only; most CSF outside them has no label, some is labelled GM."""


def ibsr_datalist(dataset_dir: str | Path, subjects: Sequence[str | int] | None = None) -> list[dict[str, str]]:
    """Return a MONAI datalist of an IBSR18 folder.

    The layout is ``IBSR_NN/IBSR_NN.nii.gz`` and ``IBSR_NN/IBSR_NN_seg.nii.gz``.

    Args:
        dataset_dir: the folder that holds the folders ``IBSR_NN``.
        subjects: the two-digit numbers to return, in this order ("01" or 1); None for all.

    Returns:
        A list of ``{"case": "IBSR_01", "image": path, "label": path}``; "label" is left out where there is none.

    Raises:
        ValueError: for a missing folder, subject or image, shapes or affines that differ between image and label, or
            a label value other than 0, 1, 2, 3.

    Source: Internet Brain Segmentation Repository, Center for Morphometric Analysis, Massachusetts General Hospital.
    """
    root = require_directory(dataset_dir, "the IBSR18 folders IBSR_NN")
    folders = {
        match[1]: folder
        for folder in sorted(root.iterdir())
        if folder.is_dir() and (match := re.fullmatch(r"IBSR_(\d{2})", folder.name))
    }
    wanted = None if subjects is None else [str(subject).zfill(2) for subject in ensure_tuple(subjects)]
    datalist = []
    for number in select_subjects(folders, wanted, root):
        case = f"IBSR_{number}"
        image, label = (_volume(folders[number], name) for name in (case, f"{case}_seg"))
        if image is None:
            raise ValueError(f"{case}: '{folders[number] / case}.nii.gz' is missing: restore it or leave {case} out.")
        check_volumes(case, {"T1": image}, label, IBSR_CLASSES)
        entry = {"case": case, "image": str(image)}
        datalist.append(entry if label is None else entry | {"label": str(label)})
    return datalist


def _volume(folder: Path, name: str) -> Path | None:
    return next((path for suffix in (".nii.gz", ".nii") if (path := folder / f"{name}{suffix}").is_file()), None)
