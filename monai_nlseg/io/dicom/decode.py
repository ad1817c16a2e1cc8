"""Pixels of DICOM files: whether they can be decoded, and their values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from monai_nlseg.io.dicom.header import is_bare_dicom, is_image, read_header, require, state_encoding
from monai_nlseg.io.reasons import reason
from monai_nlseg.io.room import require_bytes, require_memory


def read_image_header(path: Path) -> Any:
    """Read the header of an image whose pixels can be decoded and held in memory.

    Args:
        path: DICOM file.

    Returns:
        A pydicom dataset without pixels.

    Raises:
        ValueError: as :func:`~monai_nlseg.io.dicom.header.read_header`, and for a file that is not an image, is
            truncated, larger than memory, or compressed in a way that no installed package decodes.
    """
    header = read_header(path)
    if not is_image(header):
        raise ValueError(f"'{path}' holds no DICOM image: leave it out, or restore it if it should.")
    _check_decoder(path, header)
    _check_size(path, header)
    return header


def decode(path: Path) -> Iterator[np.ndarray]:
    """Yield the frames of a file as stored, (rows, columns) or (rows, columns, 3) with colours as RGB.

    Args:
        path: DICOM file.

    Raises:
        ValueError: if the pixels are damaged.
    """
    try:
        source: Any = path
        if is_bare_dicom(path):
            source = require("pydicom").dcmread(path, force=True)
            state_encoding(source)
        yield from require("pydicom.pixels").iter_pixels(source)
    except Exception as error:  # each decoder raises its own
        raise ValueError(
            f"the pixels of '{path}' cannot be decoded ({reason(error)}): restore it, or decompress it."
        ) from None


def in_units(frame: np.ndarray, header: Any, path: Path) -> np.ndarray:
    """Return stored values in the modality's units, by the modality LUT or the slope and intercept of a header.

    Args:
        frame: stored values.
        header: dataset that holds the LUT or the slope and intercept, if there are any.
        path: file of the frame, for the error.

    Raises:
        ValueError: if the values cannot be scaled.
    """
    try:
        values: np.ndarray = require("pydicom.pixels").apply_modality_lut(frame, header)
    except Exception as error:  # of any kind, depending on the damage
        raise ValueError(f"the values of '{path}' cannot be scaled ({reason(error)}): restore the file.") from None
    return values


def _check_decoder(path: Path, header: Any) -> None:
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is None:
        raise ValueError(f"'{path}' does not say how its pixels are encoded (TransferSyntaxUID): restore the file.")
    name = syntax.name if re.fullmatch(r"[0-9.]{1,64}", str(syntax)) else "an unknown syntax"
    try:
        available = require("pydicom.pixels").get_decoder(syntax).is_available
    except (NotImplementedError, TypeError):
        raise ValueError(f"'{path}' is encoded as {name}, which is not supported: decompress it.") from None
    if not available:
        raise ValueError(
            f"'{path}' is compressed as {name}, which no installed package decodes: pip install 'pylibjpeg[all]'."
        )


def _check_size(path: Path, header: Any) -> None:
    """Compare the pixels that a header announces with the file, where they are not compressed, and with memory."""
    try:
        frames = int(header.get("NumberOfFrames") or 1)
        values = header.Rows * header.Columns * frames * int(header.get("SamplesPerPixel") or 1)
        bits = int(header.get("BitsAllocated") or 8)
    except (TypeError, ValueError):
        raise ValueError(f"'{path}' does not say how large its image is: restore the file.") from None
    if values < 1:
        raise ValueError(f"'{path}' holds an image without a pixel: restore the file.")
    syntax = header.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated and not syntax.is_deflated:
        require_bytes(path, values * bits // 8, path.stat().st_size)
    require_memory(path, values * max(1, bits // 8))
