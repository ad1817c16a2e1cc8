"""Segmentations as images of SimpleITK, for the formats that it writes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from monai_nlseg.io.segmentations.nifti import in_volume_axes
from monai_nlseg.io.segmentations.segmentation import Segmentation

if TYPE_CHECKING:
    import SimpleITK as sitk

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def itk_image(segmentation: Segmentation) -> sitk.Image:
    """Return a segmentation as an image in LPS and mm; masks become the components of its voxels.

    A picture lies where ITK, and so 3D Slicer, places the picture's file: the first pixel at 0, pixels of 1 mm. A
    single slice with an affine becomes a volume of one slice, because an image of two axes has no place in the patient.

    Args:
        segmentation: what to convert.
    """
    import SimpleITK as sitk

    affine, masks = segmentation.affine, segmentation.masks
    values = in_volume_axes(segmentation.labels, affine, masks)
    if affine is not None and values.ndim - masks == 2:
        values = np.expand_dims(values, 2)
    spatial = values.ndim - masks
    stored = values.transpose(*reversed(range(spatial)), *range(spatial, values.ndim))
    image = sitk.GetImageFromArray(np.ascontiguousarray(stored), isVector=masks)
    if affine is not None:
        lps = RAS_TO_LPS @ affine
        spacing = np.linalg.norm(lps[:3, :3], axis=0)
        image.SetOrigin(lps[:3, 3].tolist())
        image.SetSpacing(spacing.tolist())
        image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    return image


def write_image(path: Path, image: sitk.Image) -> None:
    """Write an image, compressed, in the format of the suffix.

    SimpleITK does not report the error of the system, which distinguishes a full disk from a fault of the image.
    Therefore it writes to a temporary folder, and Python copies the file from there to ``path``.

    Args:
        path: file to write.
        image: what to write.

    Raises:
        OSError: if the file cannot be written, or the temporary folder is full.
    """
    import SimpleITK as sitk

    with tempfile.TemporaryDirectory(prefix="nlseg-") as folder:
        scratch = Path(folder, f"image{path.suffix}")
        try:
            sitk.WriteImage(image, str(scratch), useCompression=True)
        except RuntimeError:
            raise OSError(
                f"the label map cannot be written to the temporary folder '{tempfile.gettempdir()}': make room there."
            ) from None
        path.write_bytes(scratch.read_bytes())
