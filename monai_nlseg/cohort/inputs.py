"""What is refused of an image before a network sees it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import nibabel
import numpy as np
import torch
from monai.utils import optional_import

from monai_nlseg.inferers import available_bytes

__all__ = ["check_image", "check_files"]

NIFTI = (".nii", ".nii.gz", ".hdr")
META_IMAGE = (".mha", ".mhd")
FLAT = 1e-9
"""mm^3 of a voxel."""


def check_files(images: Sequence[Path]) -> None:
    """Refuse, by the header alone, what memory cannot hold or has no place in space; files without content or reader.

    Raises:
        ValueError: for such a file, or one that is not there.
    """
    voxels = 0
    for path in images:
        if not path.is_file():
            raise ValueError(f"'{path.name}' does not exist: restore the file or leave the case out.")
        if not path.stat().st_size:
            raise ValueError(f"'{path.name}' is empty: restore the file or leave the case out.")
        if path.name.lower().endswith(META_IMAGE) and not optional_import("itk")[1]:
            raise ValueError(f"'{path.name}' is MetaImage, which MONAI reads by ITK: pip install itk.")
        if path.name.lower().endswith(NIFTI):
            try:
                header = nibabel.load(path)
            except Exception:  # reading will say what is wrong
                continue
            voxels += int(np.prod(header.shape, dtype=object))
            _check_affine(path, header.affine)
    # float32 as read, and once more as preprocessed
    needed, free = 8 * voxels, available_bytes(torch.device("cpu"))
    if needed > free:
        raise ValueError(
            f"'{images[0].name}' has {voxels:,} voxels, which take {needed / 1e9:.3g} GB of the {free / 1e9:.3g} GB of "
            "memory left: crop the image, or use a larger machine."
        )


def _check_affine(path: Path, affine: np.ndarray) -> None:
    """MONAI would make one of its own, and the results would lie elsewhere."""
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < FLAT:
        axes = np.round(affine[:3, :3], 3).tolist()
        raise ValueError(f"'{path.name}' has an affine of {axes}, which spans no volume: export it again.")


def check_image(image: torch.Tensor) -> None:
    """Refuse an image without finite values or without contrast.

    Args:
        image: (channels, *spatial).

    Raises:
        ValueError: for such an image.
    """
    if image.numel() == 0:
        raise ValueError(f"the image has the shape {tuple(image.shape[1:])}, no voxels: restore the file.")
    for number, channel in enumerate(image, 1):
        named = "the image" if len(image) == 1 else f"channel {number} of the image"
        if wrong := int((~torch.isfinite(channel)).sum()):
            raise ValueError(f"{named} has {wrong:,} voxels that are NaN or infinite: export it again.")
    if image.amin() == image.amax():
        raise ValueError(f"the image has the value {float(image.amin()):g} everywhere: export it again.")
