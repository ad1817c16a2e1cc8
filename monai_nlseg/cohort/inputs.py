"""What is refused of an image before a network sees it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch

from monai_nlseg.inferers import available_bytes
from monai_nlseg.io.formats import is_volume
from monai_nlseg.io.volumes import read_header

__all__ = ["check_image", "check_files"]


def check_files(images: Sequence[Path]) -> None:
    """Refuse files that are missing, empty or damaged, and volumes that memory cannot hold, by their headers alone.

    Raises:
        ValueError: for such a file, or one that is not there.
    """
    voxels = 0
    for path in images:
        if not path.is_file():
            raise ValueError(f"'{path.name}' does not exist: restore the file or leave the case out.")
        if not path.stat().st_size:
            raise ValueError(f"'{path.name}' is empty: restore the file or leave the case out.")
        if is_volume(path):
            voxels += math.prod(read_header(path).shape)
    # float32 as read, and once more as preprocessed
    needed, free = 8 * voxels, available_bytes(torch.device("cpu"))
    if needed > free:
        raise ValueError(
            f"'{images[0].name}' has {voxels:,} voxels, which take {needed / 1e9:.3g} GB of the {free / 1e9:.3g} GB of "
            "memory left: crop the image, or use a larger machine."
        )


def check_image(image: torch.Tensor, named: str) -> None:
    """Refuse an image without finite values or without contrast.

    Args:
        image: (channels, *spatial).
        named: what the errors call it, such as the name of its file in quotes.

    Raises:
        ValueError: for such an image.
    """
    if image.numel() == 0:
        raise ValueError(f"{named} has the shape {tuple(image.shape[1:])}, no voxels: restore the file.")
    for number, channel in enumerate(image, 1):
        if wrong := int((~torch.isfinite(channel)).sum()):
            where = named if len(image) == 1 else f"channel {number} of {named}"
            raise ValueError(f"{where} has {wrong:,} voxels that are NaN or infinite: export it again.")
    if image.amin() == image.amax():
        raise ValueError(f"{named} has the value {float(image.amin()):g} everywhere: export it again.")
