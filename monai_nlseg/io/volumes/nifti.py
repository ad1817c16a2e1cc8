"""NIfTI, Analyze and MGH by nibabel: headers, voxels, and NIfTI as it is written here."""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import nibabel
import numpy as np
from monai.data.utils import correct_nifti_header_if_necessary
from nibabel.arrayproxy import ArrayProxy
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError, SpatialImage

from monai_nlseg.io.formats import is_pair_voxels, pair_header
from monai_nlseg.io.reasons import reason
from monai_nlseg.io.room import require_memory
from monai_nlseg.io.volumes.header import MILLIMETRES, VolumeHeader, require_grid, without_trailing_axes
from monai_nlseg.io.volumes.nibabel_check import require_header, require_intact_file, require_room, require_whole_file

UNREADABLE = (
    ImageFileError,
    HeaderDataError,
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    KeyError,
    TypeError,
    MemoryError,
    zlib.error,
)
"""What nibabel raises for a damaged file."""
SAME_PLACE = 1e-4
"""Largest difference relative to the spacing: the error of float32 quaternions stays below, a shear does not."""


def nifti_header(path: Path) -> VolumeHeader:
    """Read the header of a NIfTI, Analyze or MGH file.

    The affine is nibabel's: the sform if its code is above 0, else the qform, else the format's convention. The voxel
    sizes in ``pixdim`` never override it, as they do in MONAI's ``NibabelReader``.

    Args:
        path: path of the file.

    Raises:
        ValueError: if the file is missing or damaged, or holds complex values, colours or no grid.
    """
    return _header_of(_open(path), path)


def nifti_values(path: Path) -> np.ndarray:
    """Read the voxels of such a file, scaled by its slope and intercept.

    Args:
        path: path of the file.

    Returns:
        The shape of :func:`nifti_header`, in the machine's byte order; the type is the file's, float64 if scaled.

    Raises:
        ValueError: as :func:`nifti_header`, or if the file is truncated.
    """
    image = _open(path)
    shape = _header_of(image, path).shape
    if isinstance(image.dataobj, ArrayProxy):
        require_room(image)
        require_memory(path, math.prod(shape) * image.dataobj.dtype.itemsize)
        require_intact_file(image)
    try:
        values = np.asanyarray(image.dataobj)
    except UNREADABLE as error:
        raise ValueError(f"the voxels of '{path}' cannot be read ({reason(error)}): restore the file.") from None
    kind = np.dtype(np.float64) if values.dtype.itemsize > 8 else values.dtype.newbyteorder("=")
    return values.astype(kind, copy=False).reshape(shape)


def require_whole(path: Path) -> None:
    """Check, without reading the voxels, that a file holds as many as its header announces.

    Args:
        path: path of the file.

    Raises:
        ValueError: if it is damaged, or holds fewer.
    """
    image = _open(path)
    if isinstance(image.dataobj, ArrayProxy):
        require_room(image)
        require_whole_file(image)


def require_intact(path: Path) -> None:
    """Check that a file holds as many voxels as its header announces, and if it is compressed, that it is undamaged.

    Args:
        path: path of the file.

    Raises:
        ValueError: if it is damaged, or holds fewer.
    """
    image = _open(path)
    if isinstance(image.dataobj, ArrayProxy):
        require_intact_file(image)


def is_plain(path: Path) -> bool:
    """Return whether every reader, MONAI's among them, makes the same volume of a NIfTI file as :func:`nifti_header`.

    It is if it is NIfTI-1 in one file whose header has millimetres or no unit, one affine in sform, qform and pixdim,
    numbers in the machine's byte order and no axes after that of channels.

    Args:
        path: path of the file.

    Raises:
        ValueError: as :func:`nifti_header`.
    """
    image = _open(path)
    header = _header_of(image, path)
    if isinstance(image.dataobj, ArrayProxy):
        require_room(image)
    if type(image) is not nibabel.Nifti1Image or not path.name.endswith((".nii", ".nii.gz")):
        return False
    kind = image.get_data_dtype()
    usual = header.unit == "mm" and image.ndim <= 4 and kind.isnative and kind.itemsize <= 8
    return usual and _has_one_affine(image) and _keeps_affine(image)


def write_nifti(path: Path, values: np.ndarray, affine: np.ndarray, unit: str = "mm") -> None:
    """Write a NIfTI file whose sform, qform, pixdim and unit agree.

    Args:
        path: ``.nii`` or ``.nii.gz``.
        values: (X, Y), (X, Y, Z) or (X, Y, Z, C), of a type that NIfTI has.
        affine: (4, 4) voxel to RAS+ mm.
        unit: unit of the lengths in the file: "mm", "micron" or "meter".
    """
    image = nibabel.Nifti1Image(values, np.eye(4), dtype=values.dtype)
    nibabel.save(placed(image, affine, unit), path)


def placed(image: nibabel.Nifti1Image, affine: np.ndarray, unit: str = "mm") -> nibabel.Nifti1Image:
    """Set the place of a NIfTI image in sform, qform and pixdim.

    A sheared affine, which no qform can hold, is in the sform alone.

    Args:
        image: image, which is changed.
        affine: (4, 4) voxel to RAS+ mm.
        unit: unit of the lengths in the header: "mm", "micron" or "meter".

    Returns:
        The image.
    """
    stored = np.diag([*[1 / MILLIMETRES[unit]] * 3, 1.0]) @ affine
    image.set_sform(stored, code=1)
    image.set_qform(stored, code=1)
    spacing = np.linalg.norm(stored[:3, :3], axis=0)
    if np.abs(image.get_qform() - stored)[:3, :3].max() > SAME_PLACE * spacing.min():
        image.set_qform(None, code=0)
    image.header.set_xyzt_units(unit)
    return image


def _open(path: Path) -> SpatialImage:
    if is_pair_voxels(path):
        header = Path(pair_header(str(path)))
        if not header.is_file():
            raise ValueError(f"'{path}' has no header beside it: restore '{header.name}'.")
        path = header
    try:
        require_header(path)
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from None
    try:
        image = nibabel.load(path)
    except UNREADABLE as error:
        raise _unreadable(path, error) from None
    if not isinstance(image, SpatialImage):
        raise ValueError(f"'{path}' holds a {type(image).__name__}, not a volume: give NIfTI or Analyze.")
    return image


def _unreadable(path: Path, error: Exception) -> ValueError:
    return ValueError(f"'{path}' is not a readable NIfTI or Analyze volume ({reason(error)}): restore the file.")


def _header_of(image: SpatialImage, path: Path) -> VolumeHeader:
    kind = image.get_data_dtype()
    if kind.kind not in "iuf":
        held = {"c": "complex values", "V": "colours"}.get(kind.kind, f"values of the type {kind}")
        raise ValueError(f"'{path}' holds {held}: give a volume of real numbers, such as the magnitude or one channel.")
    shape = without_trailing_axes(image.shape, path)
    affine = np.asarray(image.affine, dtype=float)
    require_grid(affine, path)
    unit = _unit(image)
    # Nifti1Image is an AnalyzeImage by inheritance.
    oriented = isinstance(image, nibabel.Nifti1Pair) or not isinstance(image, nibabel.AnalyzeImage)
    slope = float(getattr(image.dataobj, "slope", 1.0))
    placed_at = np.diag([*[MILLIMETRES[unit]] * 3, 1.0]) @ affine
    return VolumeHeader(shape, placed_at, unit, oriented, slope, _contradicting_axes(image))


def _contradicting_axes(image: SpatialImage) -> str | None:
    """Return the axis codes by the qform where the sform, which is used, gives others."""
    if not isinstance(image, nibabel.Nifti1Pair) or not (image.header["sform_code"] > 0 < image.header["qform_code"]):
        return None
    try:
        axes = nibabel.aff2axcodes(image.get_qform())
    except ValueError:  # a quaternion longer than one
        return None
    return None if axes == nibabel.aff2axcodes(image.affine) else "".join(map(str, axes))


def _unit(image: SpatialImage) -> str:
    """Return the unit of the affine: millimetres, unless the header says micrometres or metres."""
    if not isinstance(image, nibabel.Nifti1Pair):
        return "mm"
    code = int(image.header["xyzt_units"]) % 8
    return {1: "meter", 3: "micron"}.get(code, "mm")


def _has_one_affine(image: nibabel.Nifti1Image) -> bool:
    codes = [image.header[name] > 0 for name in ("sform_code", "qform_code")]
    if not all(codes):
        return any(codes)  # without any, programs have conventions of their own
    try:
        return np.allclose(image.get_qform(), image.affine, atol=1e-3)
    except ValueError:  # a quaternion longer than one
        return False


def _keeps_affine(image: nibabel.Nifti1Image) -> bool:
    """Return whether MONAI's ``NibabelReader``, which corrects headers, keeps the affine; changes the image."""
    before = np.array(image.affine)
    try:
        return np.allclose(correct_nifti_header_if_necessary(image).affine, before, atol=1e-6)
    except ValueError:  # parts of the header that only MONAI reads may be damaged
        return False
