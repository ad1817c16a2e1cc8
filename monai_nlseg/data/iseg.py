"""Reader of iSeg-2017: T1 and T2 of six-month-old brains with tissue labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_nlseg.data.checks import check_volumes, select_subjects
from monai_nlseg.io.directory import require_directory

ISEG_LABEL_VALUES = {0: "background", 10: "CSF", 150: "GM", 250: "WM"}
"""Label values in the files; the bundle maps them to 0, 1, 2, 3."""


def iseg_datalist(dataset_dir: str | Path, subjects: Sequence[str | int] | None = None) -> list[dict[str, Any]]:
    """Return a MONAI datalist of an iSeg-2017 folder with the official layout.

    The layout is ``subject-N-T1.hdr/.img``, ``subject-N-T2.hdr/.img`` and, for the labelled subjects 1 to 10,
    ``subject-N-label.hdr/.img`` (Analyze, 144x192x256 voxels of 1 mm).

    Args:
        dataset_dir: the folder that holds the files.
        subjects: the numbers to return, in this order; None for all by number.

    Returns:
        A list of ``{"case": "subject-1", "image": [T1, T2], "label": label}`` with paths of the headers; "label" is
        left out where there is none.

    Raises:
        ValueError: for a missing folder, subject, modality or half of a pair, an unreadable or truncated file, shapes
            or affines that differ within a subject, or a label value other than 0, 10, 150, 250.

    Source: Wang et al., "Benchmark on Automatic Six-Month-Old Infant Brain Segmentation Algorithms: The iSeg-2017
    Challenge", IEEE TMI 38 (2019).
    """
    root = require_directory(dataset_dir, "the iSeg-2017 files subject-N-T1.hdr, subject-N-T1.img, ...")
    numbers = {
        match[1]
        for path in root.iterdir()
        if (match := re.fullmatch(r"subject-(\d+)-(?:T1|T2|label)\.(?:hdr|img)", path.name))
    }
    available = {number: root for number in sorted(numbers, key=int)}
    datalist = []
    for number in select_subjects(available, subjects, root):
        case = f"subject-{number}"
        t1, t2 = (_pair(root, case, name, required=True) for name in ("T1", "T2"))
        label = _pair(root, case, "label", required=False)
        check_volumes(case, {"T1": t1, "T2": t2}, label, ISEG_LABEL_VALUES)
        entry: dict[str, Any] = {"case": case, "image": [str(t1), str(t2)]}
        datalist.append(entry if label is None else entry | {"label": str(label)})
    return datalist


def _pair(root: Path, case: str, name: str, required: bool) -> Any:
    """Return the header of an Analyze pair; None if neither half exists and it is not required."""
    header = root / f"{case}-{name}.hdr"
    missing = [path.name for path in (header, header.with_suffix(".img")) if not path.is_file()]
    if len(missing) == 2 and not required:
        return None
    if missing:
        raise ValueError(f"{case}: '{root}' lacks {' and '.join(missing)}: restore it or leave the subject out.")
    return header
