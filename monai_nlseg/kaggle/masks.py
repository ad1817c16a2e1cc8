"""Write the masks of a submission as images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from monai_nlseg.bounds import require_shape
from monai_nlseg.io.files import written_beside
from monai_nlseg.kaggle.mask_files import KAGGLE_SHAPE, LARGEST_PIXELS
from monai_nlseg.kaggle.reporting import Progress, silent
from monai_nlseg.kaggle.table import decode_mask, read_runs


def write_masks(
    table: str | Path, output_dir: str | Path, shape: tuple[int, int] = KAGGLE_SHAPE, progress: Progress = silent
) -> int:
    """Write the masks of a table (:func:`read_runs`) as images ``<image>_mask.png`` of 0 and 255.

    Args:
        table: a submission or the challenge's ``train_masks.csv``.
        output_dir: folder of the images; created if it is missing.
        shape: rows and columns of the images.
        progress: called with the number of masks done and the number of all masks.

    Returns:
        The number of masks.

    Raises:
        ValueError: for a table that :func:`read_runs` refuses, a code that does not fit the shape, and images that
            exist. Nothing is written then.
    """
    output = Path(output_dir)
    require_shape("shape", shape, LARGEST_PIXELS)
    runs = read_runs(table)
    if output.exists() and not output.is_dir():
        raise ValueError(f"'{output}' is a file: give a folder.")
    for image, code in runs.items():
        if _target(output, image).exists():
            raise ValueError(f"'{_target(output, image)}' exists: give another folder, or remove it first.")
        decode_mask(code, shape, image, table)
    output.mkdir(parents=True, exist_ok=True)
    for done, (image, code) in enumerate(runs.items(), 1):
        with written_beside(_target(output, image)) as beside:
            Image.fromarray(decode_mask(code, shape, image, table) * np.uint8(255)).save(beside, format="PNG")
        progress(done, len(runs))
    return len(runs)


def _target(output: Path, image: str) -> Path:
    return output / f"{image}_mask.png"
