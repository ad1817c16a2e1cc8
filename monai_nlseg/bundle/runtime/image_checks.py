"""Refusals of images before a network is given them."""

from __future__ import annotations

import torch


def check_image(image: torch.Tensor, named: str) -> None:
    """Refuse an image without finite values or without contrast.

    Args:
        image: (channels, *spatial).
        named: what the errors call the image, such as the name of its file in quotes.

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
