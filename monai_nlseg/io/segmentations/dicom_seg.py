"""Segmentations as DICOM SEG."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_nlseg.io.dicom.seg import write_dicom_seg
from monai_nlseg.io.segmentations.segmentation import Segmentation


def write(path: Path, segmentation: Segmentation) -> None:
    """Write a segmentation as DICOM SEG, see :func:`~monai_nlseg.io.dicom.seg.write_dicom_seg`.

    Args:
        path: ``.dcm``.
        segmentation: what to write; a label without a name is called by its number.

    Raises:
        ValueError: if the image is not DICOM, the labels may overlap, or DICOM SEG cannot refer to the image.
    """
    origin = segmentation.origin
    if origin is None or not origin.dicom:
        image = f"'{origin.sources[0].name}'" if origin else "the image"
        raise ValueError(f"{image} is not DICOM, to which dicom-seg refers: choose another format.")
    if segmentation.masks:
        raise ValueError("the bundle's masks may overlap, which one label map of DICOM SEG cannot: choose nifti.")
    labels = segmentation.labels
    write_dicom_seg(
        path,
        origin.sources,
        labels[np.newaxis] if segmentation.is_picture else labels,
        segmentation.affine,
        {int(value): str(value) for value in np.unique(labels) if value} | dict(segmentation.names),
        bundle=origin.bundle,
        version=origin.version,
        digest=origin.digest,
    )
