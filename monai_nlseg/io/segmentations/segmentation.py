"""The segmentation of an image, as it is written in any format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import numpy as np

from monai_nlseg.io.formats import LABEL_MAPS


@dataclass(frozen=True)
class Origin:
    """The image and the bundle that a segmentation comes from, to which DICOM SEG refers.

    Attributes:
        sources: files of the image.
        dicom: whether they are DICOM.
        bundle: name of the bundle.
        version: version of the bundle.
        digest: text that changes with the bundle, the options of the run and the case.
    """

    sources: Sequence[Path]
    dicom: bool
    bundle: str
    version: str
    digest: str


@dataclass(frozen=True)
class Segmentation:
    """Labels in the grid of their image.

    Attributes:
        labels: (*spatial) unsigned integers, 0 is background; with ``masks`` (masks, *spatial) of 0 and 1. Spatial is
            (X, Y, Z), or (X, Y) of a single slice, with ``affine``; (rows, columns) without. With ``frames`` an axis of
            frames comes before all others.
        affine: (4, 4) voxel to RAS+ mm; None for pictures and sequences of pictures.
        masks: whether labels may overlap, mask i being label i + 1.
        frames: whether this is a sequence of pictures.
        names: label -> name.
        picture_affine: (4, 4) affine that NIfTI files of pictures get: columns and rows to RAS+ mm.
        unit: unit of the lengths in the image's file, "mm", "micron" or "meter"; NIfTI is written in it.
        white: whether 255 stands for the only label in formats of pictures, as in masks for viewing.
        origin: what the segmentation comes from; None if the format does not refer to it.
    """

    labels: np.ndarray
    affine: np.ndarray | None
    masks: bool = False
    frames: bool = False
    names: Mapping[int, str] = field(default_factory=dict)
    picture_affine: np.ndarray = field(default_factory=lambda: np.eye(4))
    unit: str = "mm"
    white: bool = False
    origin: Origin | None = None

    @property
    def is_picture(self) -> bool:
        """Whether this is one label map of one picture."""
        return self.affine is None and not self.frames and not self.masks


def write_segmentation(path: Path, format: str, segmentation: Segmentation) -> None:
    """Write a segmentation.

    Args:
        path: file to write, with the suffix that the format is written with.
        format: one of :data:`~monai_nlseg.io.formats.LABEL_MAPS`.
        segmentation: what to write.

    Raises:
        ValueError: if the format cannot hold the segmentation.
        OSError: if the file cannot be written.
    """
    import_module(LABEL_MAPS[format].writer).write(path, segmentation)
