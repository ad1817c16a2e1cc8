"""Reader of HC18: fetal head ultrasound images with the head's contour."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from monai_nlseg.data.checks import read_rows
from monai_nlseg.io.directory import require_directory
from monai_nlseg.io.pictures.checks import check_images, check_partners, check_pixels, named_files

MASKS = ".*_Annotation"
"""Names of the masks, without suffix, as a regular expression."""
TABLES = {
    "training": (
        "training_set_pixel_size_and_HC.csv",
        {"pixelsize(mm)": "pixel_size", "headcircumference(mm)": "head_circumference"},
    ),
    "test": ("test_set_pixel_size.csv", {"pixelsize(mm)": "pixel_size"}),
}
"""Table and its columns, without spaces -> keys."""


def hc18_datalist(
    dataset_dir: str | Path, subset: str = "training", check_content: bool = False
) -> list[dict[str, Any]]:
    """Return a MONAI datalist of an HC18 folder with the official layout.

    The layout is ``training_set/000_HC.png`` with ``000_HC_Annotation.png`` (the contour of the head, a line
    that is open where the image's border cuts the head) and
    ``test_set/000_HC.png``; beside them ``training_set_pixel_size_and_HC.csv`` and ``test_set_pixel_size.csv``.
    Further images of one fetus are called ``010_2HC.png``, ``010_3HC.png``, ...: split by "subject".

    Load with ``LoadImaged(("image", "label"), reader="monai_nlseg.data.PictureReader", ensure_channel_first=True)`` and
    fill the contour.

    Args:
        dataset_dir: the folder that holds ``training_set`` or ``test_set``.
        subset: "training" or "test"; the latter has no labels.
        check_content: also read all pixels: an annotation must hold 0 and one other value, and not be empty.

    Returns:
        A list of ``{"case": "010_2HC", "image": path, "label": path, "subject": "010", "positive": True}``, and, if the
        table exists, "pixel_size" in mm and "head_circumference" in mm. The table's pixel size is that of the official
        images of 800x540 pixels.

    Raises:
        ValueError: for another layout, an image without annotation or an annotation without image, an unreadable or
            truncated file, a mode of more than 8 bits, sizes that differ, a table without an image's row, or what
            ``check_content`` finds.

    Source: van den Heuvel et al., "Automated measurement of fetal head circumference using 2D ultrasound images",
    PLoS ONE 13 (2018).

    Examples::

        >>> from tempfile import TemporaryDirectory
        >>> from monai_nlseg.simulate import simulate_fetal_head
        >>> with TemporaryDirectory() as folder:
        ...     _ = simulate_fetal_head(folder, 5, size=(64, 48))
        ...     datalist = hc18_datalist(folder, check_content=True)
        >>> [(entry["case"], entry["subject"]) for entry in datalist[-2:]]
        [('003_2HC', '003'), ('003_HC', '003')]
    """
    if subset not in TABLES:
        raise ValueError(f"subset is '{subset}': expected 'training' or 'test'.")
    layout = "000_HC.png, 010_2HC.png" + (" and 000_HC_Annotation.png" if subset == "training" else "")
    root = require_directory(dataset_dir, f"HC18's {subset}_set")
    folder = require_directory(root / f"{subset}_set", f"HC18's {subset}_set: {layout}")
    files = named_files(folder, r"((\d+)_\d*HC)(_Annotation)?", (".png",), layout)
    images = {(subject, case): path for (case, subject, kind), path in files.items() if not kind}
    labels = {case: path for (case, _, kind), path in files.items() if kind}
    if subset == "training":
        check_partners([case for _, case in images], labels, "annotation", folder)
    elif labels:
        annotation = next(iter(labels.values())).name
        raise ValueError(f"'{folder}' holds {annotation}: expected no annotations in the test set.")
    table = root / TABLES[subset][0]
    measures = _read_table(table, TABLES[subset][1]) if table.is_file() else None
    datalist = []
    for (subject, case), path in images.items():
        label = {"annotation": labels[case]} if case in labels else {}
        check_images(case, path, label)
        if check_content:
            check_pixels(path, label.values())
        if measures is not None and path.name not in measures:
            raise ValueError(f"'{table}' has no row of {path.name}: restore the table or move the image away.")
        entry: dict[str, Any] = {"case": case, "image": str(path), "subject": subject}
        if label:
            entry |= {"label": str(labels[case]), "positive": True}
        datalist.append(entry | (measures[path.name] if measures is not None else {}))
    return datalist


def _read_table(path: Path, columns: dict[str, str]) -> dict[str, dict[str, float]]:
    """Return, by file name, the pixel size and, in the training set, the head circumference."""
    header, *rows = [[cell.replace(" ", "") for cell in row] for row in read_rows(path)] or [[]]
    try:
        named = [dict(zip(header, row)) for row in rows]
        return {row["filename"]: {key: _length(row[column]) for column, key in columns.items()} for row in named}
    except (KeyError, ValueError):
        raise ValueError(
            f"'{path}' is not HC18's table: expected the columns filename, {', '.join(columns)} with numbers above 0."
        ) from None


def _length(text: str) -> float:
    """Return a length in mm that a cell states; it must be finite and above 0."""
    length = float(text)
    if not 0 < length < math.inf:
        raise ValueError(text)
    return length
