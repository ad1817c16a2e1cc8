"""Segmentations as NRRD, with the names of the labels where 3D Slicer looks for them."""

from __future__ import annotations

from pathlib import Path

from monai_nlseg.io.segmentations.itk_image import itk_image, write_image
from monai_nlseg.io.segmentations.segmentation import Segmentation


def write(path: Path, segmentation: Segmentation) -> None:
    """Write a segmentation as compressed NRRD in LPS and mm.

    Each name is a segment in the sense of 3D Slicer's segmentation files (``.seg.nrrd``): ``Segment0_ID`` and
    ``Segment0_Name`` hold the name, ``Segment0_LabelValue`` the label, ``Segment0_Layer`` the component of the voxels.

    Args:
        path: ``.nrrd``.
        segmentation: what to write; masks that may overlap become the components of the voxels.

    Raises:
        OSError: if the file cannot be written.

    Source: https://slicer.readthedocs.io/en/latest/developer_guide/modules/segmentations.html
    """
    image = itk_image(segmentation)
    for number, (label, name) in enumerate(sorted(segmentation.names.items())):
        layer, value = (label - 1, 1) if segmentation.masks else (0, label)
        tags = {"ID": name, "Name": name, "LabelValue": str(value), "Layer": str(layer)}
        for tag, text in tags.items():
            image.SetMetaData(f"Segment{number}_{tag}", text)
    write_image(path, image)
