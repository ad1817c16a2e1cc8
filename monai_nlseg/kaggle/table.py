"""The challenge's tables of masks: a submission, and train_masks.csv."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_nlseg.io.regular import refuse_special_file
from monai_nlseg.io.run_length import decode_runs

HEADS = {"img,pixels": 1, "subject,img,pixels": 2}
"""Heads of a submission and of the challenge's train_masks.csv, and how many columns name the image."""


def read_runs(table: str | Path) -> dict[str, str]:
    """Read the run-length codes of a submission, or of the challenge's ``train_masks.csv``.

    Args:
        table: path of the table (.csv).

    Returns:
        Image -> code, in the order of the table. The image is its number, or "subject_number" if the table has
        subjects, as the challenge calls its training images.

    Raises:
        ValueError: for a table that cannot be read, has another head, a row of other cells, or an image twice.
    """
    table = Path(table)
    refuse_special_file(table)
    try:
        # Not by the csv module: its limit on a cell is global, and shorter than the code of a noisy mask.
        lines = table.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"'{table}' cannot be read as a table ({error}): give a .csv.") from None
    head = _cells(lines[0]) if lines else []
    names = HEADS.get(",".join(head))
    if names is None:
        raise ValueError(f"'{table}' begins with '{','.join(head)[:60]}': expected the head {' or '.join(HEADS)}.")
    runs: dict[str, str] = {}
    for line, text in enumerate(lines[1:], 2):
        if not text:
            continue
        cells = _cells(text)
        if len(cells) != names + 1 or not all(is_number(cell) for cell in cells[:-1]):
            raise ValueError(f"row {line} of '{table}' is not {','.join(head)} with whole numbers: restore the table.")
        image = "_".join(str(int(cell)) for cell in cells[:-1])
        if image in runs:
            raise ValueError(f"'{table}' holds image {image} twice, again in row {line}: leave one.")
        runs[image] = cells[-1]
    if not runs:
        raise ValueError(f"'{table}' holds no image: give a table with a row for each.")
    return runs


def decode_mask(code: str, shape: tuple[int, int], image: str, table: str | Path) -> np.ndarray:
    """Return the mask of an image of a table.

    Args:
        code: run-length code of the mask.
        shape: rows and columns of the image.
        image: name of the image, for the error.
        table: the table, for the error.

    Returns:
        (rows, columns) uint8 of 0 and 1.

    Raises:
        ValueError: for a code that does not fit the shape.
    """
    try:
        return decode_runs(code, shape)
    except ValueError as error:
        raise ValueError(f"image {image} of '{table}': {error}") from None


def is_number(text: str) -> bool:
    """Return whether ``text`` is a whole number in ASCII digits."""
    return text.isascii() and text.isdigit()


def _cells(line: str) -> list[str]:
    return [cell.strip().strip('"').strip() for cell in line.split(",")]
