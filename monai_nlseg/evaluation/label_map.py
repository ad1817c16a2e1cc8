"""Label maps of any supported format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monai_nlseg.evaluation.jpeg import read_jpeg_mask
from monai_nlseg.evaluation.label_values import check_labels, whole_numbers
from monai_nlseg.io.formats import is_volume
from monai_nlseg.io.pictures import check_picture, stored_picture
from monai_nlseg.io.pictures.limits import open_image
from monai_nlseg.io.volumes import read_volume


@dataclass(frozen=True)
class LabelMap:
    """A label map: whole numbers on a grid.

    Attributes:
        path: the file.
        values: (H, W) or (D, H, W) integers, axes as in the file.
        spacing: size of a voxel along each axis, in mm; ones for images, whose unit is the pixel.
        affine: (4, 4), voxel -> mm, or None where the file holds no orientation (Analyze, images).
        is_image: whether the file is a picture and not a volume.
    """

    path: Path
    values: np.ndarray
    spacing: tuple[float, ...]
    affine: np.ndarray | None
    is_image: bool


def read_label_map(path: str | Path) -> LabelMap:
    """Read a label map: NIfTI, Analyze (.hdr beside .img), MGH, NRRD, MetaImage, PNG, TIFF, BMP, JPEG or GIF.

    Trailing axes of length one are dropped, so a volume of one slice is a 2D map. Lengths in metres or micrometres, as
    NIfTI's header may state, become mm. Of images with a coloured palette the indices are read; of those with a grey
    palette, and of colour images whose channels are equal, the grey values. Float values within 0.001 of whole numbers
    are rounded. JPEG is lossy: it holds one class, which becomes 255, see
    :func:`monai_nlseg.evaluation.jpeg.read_jpeg_mask`.

    Args:
        path: file to read.

    Raises:
        ValueError: for a file that cannot be read, has fewer than two or more than three axes, or holds values that are
            not labels: NaN, fractions, intensities.
    """
    path = Path(path)
    map_ = _read_volume(path) if is_volume(path) else LabelMap(path, _read_image(path), (1.0, 1.0), None, is_image=True)
    check_labels(map_.values, path)
    return map_


def _read_volume(path: Path) -> LabelMap:
    volume = read_volume(path)
    voxels = volume.values[..., 0] if volume.values.shape[2:] == (1,) else volume.values
    if voxels.ndim not in (2, 3) or not voxels.size:
        raise ValueError(
            f"'{path}' has shape {volume.values.shape}: expected a label map of two or three axes and one channel."
        )
    header = volume.header
    return LabelMap(
        path,
        whole_numbers(voxels, path, header.slope),
        header.spacing[: voxels.ndim],
        header.affine if header.oriented else None,
        is_image=False,
    )


def _read_image(path: Path) -> np.ndarray:
    header, pixels = check_picture(path), stored_picture(path)
    if header.tiff is not None and "JPEG" in header.tiff.compression:
        raise ValueError(f"'{path}' is a TIFF compressed as JPEG, which mixes labels: save it without loss, or as PNG.")
    if pixels.ndim == 3:
        colours = pixels[..., :3] if pixels.shape[2] > 2 else pixels[..., :1]
        if pixels.shape[2] in (2, 4) and np.ptp(pixels[..., -1]) and not np.ptp(colours):
            raise ValueError(f"'{path}' holds its mask as transparency: save it as grey values without transparency.")
        if (colours != colours[..., :1]).any():
            raise ValueError(f"'{path}' is a colour image: expected a grey or palette image whose values are labels.")
        pixels = colours[..., 0]
    if header.format in ("JPEG", "MPO"):
        with open_image(path) as image:
            return read_jpeg_mask(pixels, image.quantization, path)
    return whole_numbers(pixels, path)
