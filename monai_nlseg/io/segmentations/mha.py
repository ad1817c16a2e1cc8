"""Segmentations as MetaImage."""

from __future__ import annotations

from pathlib import Path

from monai_nlseg.io.segmentations.itk_image import itk_image, write_image
from monai_nlseg.io.segmentations.segmentation import Segmentation


def write(path: Path, segmentation: Segmentation) -> None:
    """Write a segmentation as compressed MetaImage in LPS and mm, which has no place for the names of the labels.

    Args:
        path: ``.mha``.
        segmentation: what to write; masks that may overlap become the components of the voxels.

    Raises:
        OSError: if the file cannot be written.
    """
    write_image(path, itk_image(segmentation))
