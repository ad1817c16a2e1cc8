"""Submissions to Kaggle's Ultrasound Nerve Segmentation: write, read back and score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from monai_nlseg.data import decode_runs, encode_runs
from monai_nlseg.evaluation import find_label_maps
from monai_nlseg.evaluation.label_map import read_label_map
from monai_nlseg.files import written_beside
from monai_nlseg.metrics import kaggle_dice
from monai_nlseg.transforms import resize_masks

__all__ = ["KAGGLE_SHAPE", "SubmissionScore", "read_runs", "score_masks", "write_masks", "write_submission"]

KAGGLE_SHAPE = (420, 580)
"""Rows and columns of the challenge's images."""
HEADS = {"img,pixels": 1, "subject,img,pixels": 2}
"""Heads of a submission and of the challenge's train_masks.csv, and how many columns name the image."""

Progress = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    """No progress is shown."""


@dataclass(frozen=True)
class SubmissionScore:
    """The leaderboard's measure of masks.

    Attributes:
        dice: image -> Dice, 1 where both masks are empty and 0 where one is.
        empty_truth: number of images without foreground in the truth.
    """

    dice: dict[str, float]
    empty_truth: int

    @property
    def mean(self) -> float:
        """The mean over the images."""
        return float(np.mean(list(self.dice.values())))


def write_submission(
    masks: str | Path,
    output: str | Path,
    shape: tuple[int, int] = KAGGLE_SHAPE,
    resize: bool = False,
    count: int | None = None,
    progress: Progress = _silent,
) -> tuple[int, int]:
    """Write the masks of a folder as the challenge's table: a row "img,pixels" for each image, in order of its number.

    Args:
        masks: folder or pattern, see :func:`monai_nlseg.evaluation.find_label_maps`. The name of a case is the number
            of its image: ``12.png``, ``12_mask.tif``, ``12/12_seg.nii.gz``. Values are 0 and 1, or 0 and 255. Volumes
            of one slice have their axes as MONAI and NIfTI do, column before row.
        output: the table (.csv); it must not exist.
        shape: rows and columns that a mask must have.
        resize: whether to bring other masks to that shape, as the VRDL report's code does
            (:func:`monai_nlseg.transforms.resize_masks`); else they are refused.
        count: how many images there are; that of the challenge's test set is 5508. None takes what is found.
        progress: called with the number of masks done and of all.

    Returns:
        The number of images and of those without foreground.

    Raises:
        ValueError: for an output that exists or has no folder, names that are no numbers or are one number twice,
            numbers that are missing or above ``count``, and masks that cannot be read, have another shape or hold other
            values. Nothing is written then.
    """
    output = Path(output)
    if output.exists():
        raise ValueError(f"'{output}' exists: give another name, or remove it first.")
    if not output.parent.is_dir():
        raise ValueError(f"the folder '{output.parent}' does not exist: make it first.")
    files = _numbered(masks)
    if count is not None:
        _check_count(files, count)
    empty = 0
    with written_beside(output) as beside, beside.open("w", newline="") as table:
        table.write("img,pixels\n")
        for done, (number, path) in enumerate(files.items(), 1):
            runs = encode_runs(_read_mask(path, shape, resize))
            table.write(f"{number},{runs}\n")
            empty += not runs
            progress(done, len(files))
    return len(files), empty


def read_runs(table: str | Path) -> dict[str, str]:
    """Read the run-length codes of a submission, or of the challenge's ``train_masks.csv``.

    Returns:
        Image -> code, in the order of the table. The image is its number, or "subject_number" where the table has
        subjects, as the challenge calls its training images.

    Raises:
        ValueError: for a table that cannot be read, has another head, a row of other cells, or an image twice.
    """
    table = Path(table)
    try:
        # Without the csv module: its limit on a cell is below the code of a noisy mask, and global.
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
        if len(cells) != names + 1 or not all(_is_number(cell) for cell in cells[:-1]):
            raise ValueError(f"row {line} of '{table}' is not {','.join(head)} with whole numbers: restore the table.")
        image = "_".join(str(int(cell)) for cell in cells[:-1])
        if image in runs:
            raise ValueError(f"'{table}' holds image {image} twice, again in row {line}: leave one.")
        runs[image] = cells[-1]
    if not runs:
        raise ValueError(f"'{table}' holds no image: give a table with a row for each.")
    return runs


def write_masks(
    table: str | Path, output_dir: str | Path, shape: tuple[int, int] = KAGGLE_SHAPE, progress: Progress = _silent
) -> int:
    """Write the masks of a table (:func:`read_runs`) as images ``<image>_mask.png`` of 0 and 255.

    Args:
        table: a submission or the challenge's ``train_masks.csv``.
        output_dir: folder of the images; made if it is missing.
        shape: rows and columns of the images.
        progress: called with the number of masks done and of all.

    Returns:
        The number of masks.

    Raises:
        ValueError: for a table that :func:`read_runs` refuses, a code that does not fit the shape, and images that
            exist. Nothing is written then.
    """
    output = Path(output_dir)
    runs = read_runs(table)
    if output.exists() and not output.is_dir():
        raise ValueError(f"'{output}' is a file: give a folder.")
    for image, code in runs.items():
        if _target(output, image).exists():
            raise ValueError(f"'{_target(output, image)}' exists: give another folder, or remove it first.")
        _decode(code, shape, image, table)
    output.mkdir(parents=True, exist_ok=True)
    for done, (image, code) in enumerate(runs.items(), 1):
        with written_beside(_target(output, image)) as beside:
            Image.fromarray(_decode(code, shape, image, table) * np.uint8(255)).save(beside, format="PNG")
        progress(done, len(runs))
    return len(runs)


def score_masks(
    predictions: str | Path,
    truth: str | Path,
    shape: tuple[int, int] = KAGGLE_SHAPE,
    partial: bool = False,
    progress: Progress = _silent,
) -> SubmissionScore:
    """The leaderboard's score, the mean over images of the Dice coefficient (:func:`monai_nlseg.metrics.kaggle_dice`).

    Args:
        predictions, truth: tables (.csv, see :func:`read_runs`), or folders or patterns of masks, whose cases have the
            names of the images: ``12``, or ``3_12`` for image 12 of subject 3 of the training set.
        shape: rows and columns of the images.
        partial: whether to measure the predicted images only, and not to ask for one of every image of the truth.
        progress: called with the number of images done and of all.

    Raises:
        ValueError: for images that only one side has, and for tables and masks that cannot be used.
    """
    predicted, true = _masks(predictions), _masks(truth)
    without_truth = [image for image in predicted if image not in true]
    missing = [] if partial else [image for image in true if image not in predicted]
    if without_truth or missing:
        raise ValueError(
            f"'{predictions}' lacks {_some(missing)} of '{truth}', which lacks {_some(without_truth)} of it: name both "
            "alike, or give --partial to score what is predicted."
        )
    dice: dict[str, float] = {}
    empty = 0
    for done, (image, source) in enumerate(predicted.items(), 1):
        label = _mask_of(true[image], shape, image, truth)
        pair = [torch.from_numpy(mask)[None, None] for mask in (_mask_of(source, shape, image, predictions), label)]
        dice[image] = kaggle_dice(*pair)
        empty += not label.any()
        progress(done, len(predicted))
    return SubmissionScore(dice, empty)


def _numbered(masks: str | Path) -> dict[int, Path]:
    """Number -> file, in order."""
    files: dict[int, Path] = {}
    for case, path in find_label_maps(masks).items():
        if not _is_number(case):
            raise ValueError(f"'{path}' is not named by the number of its image: expected a name such as 12_mask.png.")
        if int(case) in files:
            raise ValueError(f"'{files[int(case)]}' and '{path}' are both image {int(case)}: leave one.")
        files[int(case)] = path
    return dict(sorted(files.items()))


def _check_count(files: Mapping[int, Path], count: int) -> None:
    missing = [number for number in range(1, count + 1) if number not in files]
    beyond = [number for number in files if not 1 <= number <= count]
    if missing or beyond:
        raise ValueError(
            f"of the images 1 to {count}, {_some(missing)} have no mask, and {_some(beyond)} are beyond: give a mask "
            "for each, or another count."
        )


def _read_mask(path: Path, shape: tuple[int, int], resize: bool = False) -> np.ndarray:
    map_ = read_label_map(path)
    if map_.values.ndim != 2:
        raise ValueError(f"'{path}' is a volume of {map_.values.shape}: give one image a file.")
    values = map_.values if map_.is_image else map_.values.T
    highest = 255 if values.max() == 255 else 1
    foreground = values == highest
    if not (foreground | (values == 0)).all():
        grey = values[~foreground & (values != 0)][0]
        raise ValueError(f"'{path}' holds the value {grey}: expected a mask of 0 and 1, or of 0 and 255.")
    if foreground.shape == tuple(shape):
        return foreground
    if not resize:
        raise ValueError(
            f"'{path}' has {_size(foreground.shape)} pixels, expected {_size(shape)}: give that as the "
            "shape, resample it, or write a submission with --resize."
        )
    return resize_masks(torch.from_numpy(foreground)[None, None], shape)[0, 0].numpy()


def _masks(source: str | Path) -> Mapping[str, str | Path]:
    """Image -> code or file."""
    if Path(source).suffix.lower() == ".csv":
        return read_runs(source)
    files: dict[str, Path] = {}
    for case, path in find_label_maps(source).items():
        # 012 is image 12, as in a table.
        image = "_".join(str(int(part)) if _is_number(part) else part for part in case.split("_"))
        if image in files:
            raise ValueError(f"'{files[image]}' and '{path}' are both image {image}: leave one.")
        files[image] = path
    return files


def _mask_of(mask: str | Path, shape: tuple[int, int], image: str, source: str | Path) -> np.ndarray:
    return _read_mask(mask, shape) if isinstance(mask, Path) else _decode(mask, shape, image, source).astype(bool)


def _decode(code: str, shape: tuple[int, int], image: str, table: str | Path) -> np.ndarray:
    try:
        return decode_runs(code, shape)
    except ValueError as error:
        raise ValueError(f"image {image} of '{table}': {error}") from None


def _target(output: Path, image: str) -> Path:
    return output / f"{image}_mask.png"


def _cells(line: str) -> list[str]:
    return [cell.strip().strip('"').strip() for cell in line.split(",")]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _some(images: list) -> str:
    listed = ", ".join(map(str, images[:5]))
    return f"{len(images)} ({listed}{', ...' if len(images) > 5 else ''})" if images else "none"
