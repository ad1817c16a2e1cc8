"""Refusals of image files before they are read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from monai_nlseg.io.formats import is_volume
from monai_nlseg.io.regular import require_regular_file
from monai_nlseg.io.volumes import read_header
from monai_nlseg.machine import free_memory


def check_files(images: Sequence[Path]) -> None:
    """Refuse files that are missing, empty or damaged, and volumes that memory cannot hold, by their headers alone.

    Args:
        images: paths of images, one per modality.

    Raises:
        ValueError: for such a file, or one that does not exist.
    """
    voxels = 0
    for path in images:
        if not path.exists():
            raise ValueError(f"'{path.name}' does not exist: restore the file or leave the case out.")
        if not require_regular_file(path):
            raise ValueError(f"'{path.name}' is empty: restore the file or leave the case out.")
        if is_volume(path):
            voxels += math.prod(read_header(path).shape)
    # float32 as read, and once more as preprocessed
    needed, free = 8 * voxels, free_memory()
    if needed > free:
        raise ValueError(
            f"'{images[0].name}' has {voxels:,} voxels, which take {needed / 1e9:.3g} GB of the {free / 1e9:.3g} GB of "
            "memory left: crop the image, or use a larger machine."
        )
