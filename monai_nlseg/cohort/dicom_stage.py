"""DICOM turned into files that any reader of images can read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
from PIL import Image

from monai_nlseg.cohort.dicom_grid import Grid, grid_of
from monai_nlseg.cohort.dicom_header import (
    Plane,
    is_image,
    is_picture,
    lies_in_patient,
    planes_of,
    read_header,
    reason,
    require,
)
from monai_nlseg.io.pictures.depth import Samples, eight_bits

__all__ = ["StagedDicom", "read_planes", "stage_dicom"]


@dataclass(frozen=True)
class StagedDicom:
    """The files that stand for DICOM.

    Attributes:
        images: one NIfTI file of a volume, or one PNG file a frame.
        kind: "volume" or "frames".
    """

    images: tuple[Path, ...]
    kind: Literal["volume", "frames"]


def stage_dicom(files: Sequence[Path], folder: Path) -> StagedDicom:
    """Write the images of one DICOM series to an existing folder.

    - Planes with positions in the patient, one a file or all in a multi-frame file: ``volume.nii``, (columns, rows,
      slices) with the affine to RAS mm, in the modality's units such as HU, int16 where that is exact, else float32.
    - Ultrasound and other images without a position: ``frame-0001.png`` and so on, 8-bit grey or RGB. Grey and RGB of
      8 bits, in 8 bits or more, are as stored, but that MONOCHROME1 is inverted so that bright is white; YBR and
      palettes become RGB. Other depths are scaled by the first window of the header. Without one, ultrasound and
      photographs are scaled by the bits stored, as files of pictures are; others, such as radiographs, from the least
      to the greatest value of the file.

    Args:
        files: of one series, in any order.
        folder: to write to.

    Raises:
        ValueError: for what cannot be read or decoded, is no image, is of several series, or is no regular volume.
    """
    headers = [_read_image_header(path) for path in files]
    series = {str(header.get("SeriesInstanceUID")) for header in headers}
    if len(series) != 1:
        raise ValueError(f"'{files[0]}' and others are of {len(series)} DICOM series: expected the files of one.")
    placed = [lies_in_patient(header) for header in headers]
    if any(placed):
        if not all(placed):
            raise ValueError(f"'{files[placed.index(False)]}' has no position in the patient, others of its series do.")
        return StagedDicom((_write_volume(files, headers, folder / "volume.nii"),), "volume")
    frames = (frame for path, header in zip(files, headers) for frame in _pictures(path, header))
    images = []
    for number, frame in enumerate(frames, 1):
        images.append(folder / f"frame-{number:04d}.png")
        Image.fromarray(frame).save(images[-1])
    return StagedDicom(tuple(images), "frames")


def read_planes(files: Sequence[Path], headers: Sequence[Any]) -> tuple[list[Plane], Grid]:
    """The planes of a series, file by file and frame by frame, and their grid.

    Raises:
        ValueError: if they make no regular volume.
    """
    planes = [plane for path, header in zip(files, headers) for plane in planes_of(header, path)]
    return planes, grid_of(planes)


def _read_image_header(path: Path) -> Any:
    header = read_header(path)
    if not is_image(header):
        raise ValueError(f"'{path}' holds no DICOM image: leave it out, or restore it if it should.")
    _check_decoder(path, header)
    return header


def _write_volume(files: Sequence[Path], headers: Sequence[Any], path: Path) -> Path:
    planes, grid = read_planes(files, headers)
    volume = np.empty(grid.shape, np.int16, order="F")
    numbered = zip(planes, grid.ranks)
    for file, group in groupby(numbered, key=lambda pair: pair[0].file):
        for (plane, rank), pixels in zip(group, _decode(file), strict=True):
            if pixels.ndim != 2:
                raise ValueError(f"'{file}' is in colour: expected a volume of one value a voxel.")
            values = _in_units(pixels, plane.values, file)
            if volume.dtype == np.int16 and not _fits(values):
                volume = volume.astype(np.float32)
            volume[:, :, rank] = values.T
    image = nib.Nifti1Image(volume, grid.affine)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
    return path


def _fits(values: np.ndarray) -> bool:
    """Whether int16 holds the values exactly."""
    limits = np.iinfo(np.int16)
    whole = values.dtype.kind in "iu" or bool((values == np.rint(values)).all())
    return whole and bool(values.min() >= limits.min) and bool(values.max() <= limits.max)


def _pictures(path: Path, header: Any) -> Iterator[np.ndarray]:
    """The frames of a file as (rows, columns) or (rows, columns, 3) of 8 bits."""
    kind = header.get("PhotometricInterpretation")
    if kind == "PALETTE COLOR":
        apply_color_lut = require("pydicom.pixels").apply_color_lut
        for frame in _decode(path):
            colours = apply_color_lut(frame, header)
            yield colours if colours.dtype == np.uint8 else (colours >> 8).astype(np.uint8)
        return
    unsigned = not header.get("PixelRepresentation")
    if unsigned and is_picture(header) and header.BitsStored > 8 and _window(header) is None:
        allocated, stored = header.BitsAllocated, header.BitsStored
        samples = Samples(allocated, "u", stored if stored < allocated else None, kind == "MONOCHROME1")
        yield from eight_bits(np.stack(list(_decode(path))), samples, path)
        return
    limits = _limits(path, header)
    for frame in _decode(path):
        picture = frame.astype(np.uint8) if limits is None else _scaled(_in_units(frame, header, path), *limits)
        yield 255 - picture if kind == "MONOCHROME1" else picture


def _in_units(frame: np.ndarray, header: Any, path: Path) -> np.ndarray:
    """Stored values by the modality LUT, or the slope and intercept, of the header."""
    try:
        values: np.ndarray = require("pydicom.pixels").apply_modality_lut(frame, header)
    except Exception as error:  # of any kind, by what is damaged
        raise ValueError(f"the values of '{path}' cannot be scaled ({reason(error)}): restore the file.") from None
    return values


def _limits(path: Path, header: Any) -> tuple[float, float] | None:
    """Return the values that become black and white; None where stored values are of 8 bits."""
    unsigned = not header.get("PixelRepresentation")
    if unsigned and header.get("BitsStored") == 8:
        return None
    if (window := _window(header)) is not None:
        return window
    if unsigned and all(frame.max() <= 255 for frame in _decode(path)):
        return None
    extremes = [(values.min(), values.max()) for values in (_in_units(frame, header, path) for frame in _decode(path))]
    return float(min(low for low, _ in extremes)), float(max(high for _, high in extremes))


def _window(header: Any) -> tuple[float, float] | None:
    """Return the ends of the first window of the header, if it has one."""
    centre, width = (np.ravel(header.get(keyword) or ()) for keyword in ("WindowCenter", "WindowWidth"))
    if not centre.size or not width.size:
        return None
    return float(centre[0]) - float(width[0]) / 2, float(centre[0]) + float(width[0]) / 2


def _scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    shares = (values.astype(np.float64) - low) / max(high - low, 1e-6)
    return np.rint(255 * np.clip(shares, 0, 1)).astype(np.uint8)


def _decode(path: Path) -> Iterator[np.ndarray]:
    """The frames of a file as stored, colours as RGB."""
    try:
        yield from require("pydicom.pixels").iter_pixels(path)
    except Exception as error:  # each decoder raises its own
        raise ValueError(
            f"the pixels of '{path}' cannot be decoded ({reason(error)}): restore it, or decompress it."
        ) from None


def _check_decoder(path: Path, header: Any) -> None:
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is None:
        raise ValueError(f"'{path}' does not say how its pixels are encoded (TransferSyntaxUID): restore the file.")
    name = getattr(syntax, "name", syntax)
    try:
        available = require("pydicom.pixels").get_decoder(syntax).is_available
    except (NotImplementedError, TypeError):
        raise ValueError(f"'{path}' is encoded as {name}, which is not supported: decompress it.") from None
    if not available:
        raise ValueError(
            f"'{path}' is compressed as {name}, which no installed package decodes: pip install 'pylibjpeg[all]'."
        )
