"""Write masks as a submission to the challenge."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from monai_nlseg.bounds import LARGEST_COUNT, require_number, require_shape
from monai_nlseg.evaluation import find_label_maps
from monai_nlseg.io.files import written_beside
from monai_nlseg.io.run_length import encode_runs
from monai_nlseg.kaggle.mask_files import KAGGLE_SHAPE, LARGEST_PIXELS, read_mask
from monai_nlseg.kaggle.reporting import Progress, silent, some
from monai_nlseg.kaggle.table import is_number


def write_submission(
    masks: str | Path,
    output: str | Path,
    shape: tuple[int, int] = KAGGLE_SHAPE,
    resize: bool = False,
    count: int | None = None,
    progress: Progress = silent,
) -> tuple[int, int]:
    """Write the masks of a folder as the challenge's table: a row "img,pixels" for each image, in order of its number.

    Args:
        masks: folder or pattern, see :func:`monai_nlseg.evaluation.find_label_maps`. The name of a case is the number
            of its image: ``12.png``, ``12_mask.tif``, ``12/12_seg.nii.gz``. Values are 0 and 1, or 0 and 255. Volumes
            of one slice have their axes as MONAI and NIfTI do, column before row.
        output: the table (.csv); it must not exist.
        shape: rows and columns that a mask must have.
        resize: whether to bring other masks to that shape, as the VRDL report's code does
            (:func:`monai_nlseg.transforms.resize_masks`); otherwise they are refused.
        count: number of images; 5508 for the challenge's test set. None takes what is found.
        progress: called with the number of masks done and the number of all masks.

    Returns:
        The number of images and of those without foreground.

    Raises:
        ValueError: for an output that exists or has no folder, names that are not numbers or give one number twice,
            numbers that are missing or above ``count``, masks that cannot be read, have another shape or hold other
            values, a shape of more than 10^8 pixels and a count above 10^6. Nothing is written then.
    """
    output = Path(output)
    require_shape("shape", shape, LARGEST_PIXELS)
    if count is not None:
        require_number("count", count, 1, LARGEST_COUNT)
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
            runs = encode_runs(read_mask(path, shape, resize))
            table.write(f"{number},{runs}\n")
            empty += not runs
            progress(done, len(files))
    return len(files), empty


def _numbered(masks: str | Path) -> dict[int, Path]:
    """Return the file of each number, in order of the numbers."""
    files: dict[int, Path] = {}
    for case, path in find_label_maps(masks).items():
        if not is_number(case):
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
            f"of the images 1 to {count}, {some(missing)} have no mask, and {some(beyond)} are beyond: give a mask "
            "for each, or another count."
        )
