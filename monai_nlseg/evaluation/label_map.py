"""Read a label map of any supported format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.spatialimages import SpatialImage
from PIL import Image, ImageOps

from monai_nlseg.data.checks import UNREADABLE, open_volume
from monai_nlseg.data.image_checks import DAMAGED
from monai_nlseg.evaluation.jpeg import read_jpeg_mask
from monai_nlseg.evaluation.label_values import check_labels, whole_numbers

__all__ = ["LabelMap", "read_label_map"]

MM_OF_UNIT = {1: 1000.0, 3: 0.001}
"""NIfTI's codes of metres and micrometres; all else is taken as mm."""


@dataclass(frozen=True)
class LabelMap:
    """Whole numbers on a grid.

    Attributes:
        path: the file.
        values: (H, W) or (D, H, W) integers, axes as in the file.
        spacing: size of a voxel along each axis, in mm; ones for images, whose unit is the pixel.
        affine: 4 x 4 voxel to mm, or None where the format holds no orientation (Analyze, images).
        is_image: whether it is a picture and not a volume.
    """

    path: Path
    values: np.ndarray
    spacing: tuple[float, ...]
    affine: np.ndarray | None
    is_image: bool


def read_label_map(path: str | Path) -> LabelMap:
    """Read NIfTI, Analyze (.hdr beside .img), PNG, TIFF, BMP, JPEG or GIF.

    Trailing axes of length one are dropped, so a volume of one slice is a 2D map. Lengths in metres or micrometres, as
    NIfTI's header may state, become mm. Images with a coloured palette give its indices; those with a grey palette, and
    colour images whose channels are equal, their grey values. Float values within 0.001 of whole numbers are rounded.
    JPEG is lossy: it holds one class, which becomes 255, see :func:`monai_nlseg.evaluation.jpeg.read_jpeg_mask`.

    Raises:
        ValueError: for a file that cannot be read, has fewer than two or more than three axes, or holds what is no
            label: NaN, fractions, intensities.
    """
    path = Path(path)
    if path.suffix.lower() in (".nii", ".gz", ".hdr", ".img"):
        map_ = _read_volume(path)
    else:
        map_ = LabelMap(path, _read_image(path), (1.0, 1.0), None, is_image=True)
    check_labels(map_.values, path)
    return map_


def _read_volume(path: Path) -> LabelMap:
    if path.suffix.lower() == ".img":
        raise ValueError(f"'{path}' has no header beside it: restore its .hdr file.")
    image = open_volume(path)
    try:
        voxels = np.asanyarray(image.dataobj)
    except UNREADABLE as error:
        raise ValueError(f"the voxels of '{path}' cannot be read ({error}): restore the file.") from None
    shape = voxels.shape
    while voxels.ndim > 2 and voxels.shape[-1] == 1:
        voxels = voxels[..., 0]
    if voxels.ndim not in (2, 3) or not voxels.size:
        raise ValueError(f"'{path}' has shape {shape}: expected a label map of two or three axes and one channel.")
    # Analyze's header holds no orientation: what nibabel gives for it is a convention, which other programs do not
    # share. Nifti1Image is an AnalyzeImage by inheritance.
    oriented = isinstance(image, nib.Nifti1Pair) or not isinstance(image, nib.AnalyzeImage)
    affine = _affine_in_mm(image)
    spacing = voxel_sizes(affine) if oriented else np.abs(image.header.get_zooms())
    return LabelMap(
        path,
        whole_numbers(voxels, path, float(getattr(image.dataobj, "slope", 1.0))),
        tuple(float(size) for size in spacing[: voxels.ndim]),
        affine if oriented else None,
        is_image=False,
    )


def _affine_in_mm(image: SpatialImage) -> np.ndarray:
    """The affine, voxel to mm, of a header that may count in metres or micrometres."""
    unit = int(image.header["xyzt_units"]) & 7 if isinstance(image, nib.Nifti1Pair) else 0
    return np.diag([*[MM_OF_UNIT.get(unit, 1.0)] * 3, 1.0]) @ image.affine


def _read_image(path: Path) -> np.ndarray:
    try:
        # Not by its path: Pillow would map an uncompressed TIFF in the shape as displayed, before it is turned.
        with path.open("rb") as file, Image.open(file) as image:
            pages = getattr(image, "n_frames", 1)
            lossy = image.info.get("compression") == "jpeg"  # within TIFF
            tables = getattr(image, "quantization", None)  # of JPEG alone
            pixels = np.asarray(ImageOps.exif_transpose(image.convert("L") if _has_grey_palette(image) else image))
    except FileNotFoundError:
        raise ValueError(f"'{path}' does not exist: restore it or leave the case out.") from None
    except DAMAGED as error:
        raise ValueError(f"'{path}' is not a readable image ({error}): restore the file.") from None
    if pages > 1:
        raise ValueError(f"'{path}' holds {pages} pages: give one image a file.")
    if lossy:
        raise ValueError(f"'{path}' is a TIFF compressed as JPEG, which mixes labels: save it without loss, or as PNG.")
    if pixels.ndim == 3:
        colours = pixels[..., :3] if pixels.shape[2] > 2 else pixels[..., :1]
        if (colours != colours[..., :1]).any():
            raise ValueError(f"'{path}' is a colour image: expected a grey or palette image whose values are labels.")
        pixels = colours[..., 0]
    return read_jpeg_mask(pixels, tables, path) if tables else whole_numbers(pixels, path)


def _has_grey_palette(image: Image.Image) -> bool:
    # GIF and some PNG hold grey values so, numbered as they come; colours stand for what their numbers mean.
    colours = np.array(image.getpalette() or [0, 1, 2]).reshape(-1, 3)
    return image.mode == "P" and bool((colours == colours[:, :1]).all())
