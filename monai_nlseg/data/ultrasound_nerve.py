"""Reader of the Kaggle ultrasound nerve segmentation data: the brachial plexus in the neck."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monai_nlseg.data.checks import read_rows, select_subjects
from monai_nlseg.data.duplicates import identical_images
from monai_nlseg.data.splits import group_split, stratified_split
from monai_nlseg.io.directory import require_directory
from monai_nlseg.io.pictures.checks import check_images, check_partners, check_pixels, named_files, read_mask
from monai_nlseg.io.run_length import decode_runs

logger = logging.getLogger(__name__)

COLUMNS = ("subject", "img", "pixels")
SUFFIXES = (".tif", ".tiff")
MASKS = ".*_mask"
"""Names of the masks, without suffix, as a regular expression."""
LAYOUT = "1_1.tif and 1_1_mask.tif"
RUNS = r"(\d{1,9} \d{1,9}( \d{1,9} \d{1,9})*)?"


def ultrasound_nerve_datalist(
    dataset_dir: str | Path,
    subjects: Sequence[str | int] | None = None,
    drop_contradictions: bool = False,
    check_content: bool = False,
) -> list[dict[str, Any]]:
    """Return a MONAI datalist of the training half of the Kaggle ultrasound nerve data with the official layout.

    The layout is ``train/{subject}_{image}.tif`` and ``train/{subject}_{image}_mask.tif`` (580x420, 0 and 255), and
    ``train_masks.csv`` with the columns subject, img and pixels (run lengths; empty where no nerve is seen). Which
    images are positive is read from the table, or without it from the masks.

    Load with ``LoadImaged(("image", "label"), reader="monai_nlseg.data.PictureReader", ensure_channel_first=True)``.

    Args:
        dataset_dir: the folder that holds ``train``.
        subjects: the numbers to return, in this order; None for all by number.
        drop_contradictions: leave out the negatives that :func:`contradicting_negatives` finds (9 in the full set, by
            the VRDL report) and log their names; reads all images.
        check_content: also read all pixels: each mask must hold 0 and one other value and have the pixels that the
            table says.

    Returns:
        A list of ``{"case": "1_1", "image": path, "label": path, "subject": "1", "positive": True}``.

    Raises:
        ValueError: for another layout, an image without mask or a mask without image, an unreadable or truncated
            file, a mode of more than 8 bits, sizes that differ, a table that is damaged or lacks an image, no positive
            image, or what ``check_content`` finds.

    Source: Kaggle, Ultrasound Nerve Segmentation (2016).

    Examples::

        >>> from tempfile import TemporaryDirectory
        >>> from monai_nlseg.simulate import simulate_ultrasound_nerve
        >>> with TemporaryDirectory() as folder:
        ...     _ = simulate_ultrasound_nerve(folder, 10, size=(64, 48))
        ...     datalist = ultrasound_nerve_datalist(folder, check_content=True)
        >>> len(datalist), sum(entry["positive"] for entry in datalist)
        (10, 4)
    """
    root = require_directory(dataset_dir, "the ultrasound nerve data's train and train_masks.csv")
    folder = require_directory(root / "train", f"the files {LAYOUT}")
    files = named_files(folder, r"(\d+)_(\d+)(_mask)?", SUFFIXES, LAYOUT)
    images, masks = ({key[:2]: path for key, path in files.items() if key[2] == kind} for kind in ("", "_mask"))
    check_partners([_case(key) for key in images], [_case(key) for key in masks], "mask", folder)
    table_path = root / "train_masks.csv"
    table = _read_table(table_path) if table_path.is_file() else None
    if table is not None:
        _check_table(table, [_case(key) for key in images], table_path)
    datalist = []
    for subject in select_subjects(dict.fromkeys(subject for subject, _ in images), subjects, root):
        for key in (key for key in images if key[0] == subject):
            case, image, mask = _case(key), images[key], masks[key]
            check_images(case, image, {"mask": mask})
            positive = bool(read_mask(mask).any()) if table is None else bool(table[case])
            entry = {"case": case, "image": str(image), "label": str(mask), "subject": subject, "positive": positive}
            if check_content:
                check_pixels(image, [mask], positive)
                if table is not None and positive:
                    _check_run_lengths(case, mask, table[case])
            datalist.append(entry)
    if not any(entry["positive"] for entry in datalist):
        raise ValueError(f"'{folder}' holds no positive image in these subjects: give others or restore the masks.")
    return _without_contradictions(datalist) if drop_contradictions else datalist


def ultrasound_nerve_test_datalist(dataset_dir: str | Path, check_content: bool = False) -> list[dict[str, str]]:
    """Return a MONAI datalist of the test half, ``test/{n}.tif``, in the order that a submission lists them.

    Args:
        dataset_dir: the folder that holds ``test``.
        check_content: also read all pixels.

    Returns:
        A list of ``{"case": "1", "image": path}``.

    Raises:
        ValueError: for another layout, an unreadable or truncated file, or a mode of more than 8 bits.
    """
    root = require_directory(dataset_dir, "the ultrasound nerve data's test")
    folder = require_directory(root / "test", "the files 1.tif, 2.tif, ...")
    datalist = []
    for (case,), image in named_files(folder, r"(\d+)", SUFFIXES, "1.tif, 2.tif, ...").items():
        check_images(case, image, {})
        if check_content:
            check_pixels(image, [])
        datalist.append({"case": case, "image": str(image)})
    return datalist


def ultrasound_nerve_split(
    datalist: Sequence[dict[str, Any]], split_by: str = "image", ratios: Sequence[float] = (8, 2), seed: int = 0
) -> list[list[dict[str, Any]]]:
    """Split the training half by image, as the published results do, or by patient.

    Source: RAGCM (AAAI-21): 4,508 and 1,127 of 5,635 images, which is 8:2 by image with the same share of positives in
    both; the paper does not say by which rule it was divided. Images of one patient are then in both parts; "patient"
    estimates how a network does on a new patient.

    Args:
        datalist: what :func:`ultrasound_nerve_datalist` returned.
        split_by: "image" for :func:`stratified_split` by positive and negative, "patient" for :func:`group_split`.
        ratios: relative sizes of two parts or more, above 0.
        seed: seed of the shuffling, 0 to 2^32 - 1.

    Raises:
        ValueError: for another ``split_by``, and as these functions do.
    """
    if split_by == "image":
        return stratified_split(datalist, "positive", ratios, seed)
    if split_by == "patient":
        return group_split(datalist, "subject", ratios, seed)
    raise ValueError(f"split_by '{split_by}' is unknown: choose 'image' or 'patient'.")


def contradicting_negatives(datalist: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return the negative images whose pixels equal those of a positive image of the same subject.

    Args:
        datalist: entries with "case", "image", "subject" and "positive".

    Returns:
        Case of the negative -> case of the first such positive.

    Source: the VRDL report, which takes the negative for an error of the annotation.
    """
    found: dict[str, str] = {}
    for group in identical_images(datalist, within="subject"):
        positives = [entry["case"] for entry in group if entry["positive"]]
        if positives:
            found |= {entry["case"]: positives[0] for entry in group if not entry["positive"]}
    return found


def _without_contradictions(datalist: list[dict[str, Any]]) -> list[dict[str, Any]]:
    dropped = contradicting_negatives(datalist)
    pairs = ", ".join(f"{negative} (pixels of {positive})" for negative, positive in dropped.items())
    logger.info(f"left out {len(dropped)} negative images with the pixels of a positive one: {pairs or 'none'}")
    return [entry for entry in datalist if entry["case"] not in dropped]


def _read_table(path: Path) -> dict[str, str]:
    """Return the run lengths of each case."""
    header, *rows = read_rows(path) or [[]]
    if tuple(header) != COLUMNS:
        raise ValueError(f"'{path}' has the columns {header}: expected {', '.join(COLUMNS)}.")
    table: dict[str, str] = {}
    for line, row in enumerate(rows, 2):
        if len(row) != len(COLUMNS) or not re.fullmatch(RUNS, row[-1].strip()):
            raise ValueError(f"'{path}', line {line} is damaged: expected subject,img,run lengths, so restore it.")
        case = _case(row[:2])
        if case in table:
            raise ValueError(f"'{path}' has two rows of image {case}: leave one.")
        table[case] = row[-1].strip()
    return table


def _check_table(table: dict[str, str], cases: Sequence[str], path: Path) -> None:
    missing = [case for case in cases if case not in table]
    if missing:
        raise ValueError(
            f"'{path}' has no row of {len(missing)} images ({', '.join(missing[:5])}): restore the table, or move it "
            "away to read the masks."
        )
    if len(table) > len(cases):
        logger.warning(
            f"'{path}' has {len(table) - len(cases)} rows without an image in train: the copy may be partial"
        )


def _check_run_lengths(case: str, mask: Path, pixels: str) -> None:
    drawn = read_mask(mask)
    try:
        coded = decode_runs(pixels, drawn.shape)
    except ValueError as error:
        raise ValueError(f"{case}: in train_masks.csv, {error}") from None
    if not np.array_equal(coded, drawn):
        raise ValueError(f"{case}: train_masks.csv and '{mask}' differ: restore both from one source.")


def _case(key: Sequence[str]) -> str:
    return "_".join(key)
