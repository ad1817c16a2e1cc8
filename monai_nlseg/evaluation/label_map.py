"""Read a label map of any supported format, and check that two lie on one grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes

from monai_nlseg.data.checks import UNREADABLE, open_volume
from monai_nlseg.io.pictures import check_picture, stored_picture

__all__ = ["LabelMap", "check_same_grid", "read_label_map"]

AFFINE_TOLERANCE = 1e-3
"""As in the readers of the data sets: what float32 headers and quaternions lose stays far below, in mm."""
JPEG_CUT = 128


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

    Trailing axes of length one are dropped, so a volume of one slice is a 2D map. Images with a coloured
    palette give its indices; those with a grey palette, and colour images whose channels are equal, their grey values.
    JPEG is lossy, so its values are cut at 128 into 0 and 255: it can hold one class.

    Raises:
        ValueError: for a file that cannot be read, has fewer than two or more than three axes, or holds what is not a
            whole number.
    """
    path = Path(path)
    if path.suffix.lower() in (".nii", ".gz", ".hdr", ".img"):
        return _read_volume(path)
    return LabelMap(path, _read_image(path), (1.0, 1.0), None, is_image=True)


def check_same_grid(map_: LabelMap, reference: LabelMap) -> None:
    """Check shape, affine and spacing; the affine only where both formats hold one.

    Raises:
        ValueError: if they differ, or one is an image and the other a volume, whose axes run in another order.
    """
    names = f"'{map_.path}' and '{reference.path}'"
    if map_.is_image != reference.is_image:
        raise ValueError(f"{names} are an image and a volume: give both in one form.")
    if map_.values.shape != reference.values.shape:
        raise ValueError(
            f"{names} have the shapes {map_.values.shape} and {reference.values.shape}: resample them to one grid."
        )
    if map_.affine is not None and reference.affine is not None:
        difference = np.abs(map_.affine - reference.affine).max()
        if not difference <= AFFINE_TOLERANCE:
            raise ValueError(f"the affines of {names} differ by up to {difference:.4g}: resample them to one grid.")
    if not np.allclose(map_.spacing, reference.spacing, rtol=0, atol=AFFINE_TOLERANCE):
        raise ValueError(
            f"{names} have the spacings {_text(map_.spacing)} and {_text(reference.spacing)} mm: resample them to one "
            "grid."
        )


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
    spacing = voxel_sizes(image.affine) if oriented else np.abs(image.header.get_zooms())
    return LabelMap(
        path,
        _whole(voxels, path),
        tuple(float(size) for size in spacing[: voxels.ndim]),
        np.asarray(image.affine) if oriented else None,
        is_image=False,
    )


def _read_image(path: Path) -> np.ndarray:
    header, pixels = check_picture(path), stored_picture(path)
    if pixels.ndim == 3:
        colours = pixels[..., :3] if pixels.shape[2] > 2 else pixels[..., :1]
        if (colours != colours[..., :1]).any():
            raise ValueError(f"'{path}' is a colour image: expected a grey or palette image whose values are labels.")
        pixels = colours[..., 0]
    if header.format in ("JPEG", "MPO"):
        return np.where(pixels >= JPEG_CUT, 255, 0).astype(np.int32)
    return _whole(pixels, path)


def _whole(values: np.ndarray, path: Path) -> np.ndarray:
    if values.dtype.kind not in "buif":
        raise ValueError(f"'{path}' holds {values.dtype} values: expected whole numbers as labels.")
    # NaN is not equal to itself, so it ends here too.
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        raise ValueError(f"'{path}' holds values that are not whole numbers: give label maps, not probabilities.")
    low, high = values.min(), values.max()
    if low < -(2**31) or high >= 2**31:
        raise ValueError(f"'{path}' holds values from {low} to {high}: expected labels of 32 bits.")
    if values.dtype.kind in "ui":
        return values  # as small as in the file: a CT of the body would fill the memory else
    return values.astype(np.int32 if values.dtype.kind == "f" else np.uint8)


def _text(spacing: tuple[float, ...]) -> str:
    return " x ".join(f"{size:g}" for size in spacing)
