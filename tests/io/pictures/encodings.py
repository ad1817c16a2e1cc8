"""One picture in the files that programs write of it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

SIZE = (12, 17)
"""Rows and columns."""
TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda values: values,
    2: lambda values: values[:, ::-1],
    3: lambda values: values[::-1, ::-1],
    4: lambda values: values[::-1],
    5: lambda values: values.swapaxes(0, 1),
    6: lambda values: values.swapaxes(0, 1)[::-1],
    7: lambda values: values[::-1, ::-1].swapaxes(0, 1),
    8: lambda values: values.swapaxes(0, 1)[:, ::-1],
}
"""EXIF orientation -> how what is displayed lies in the file."""


def grey_picture(seed: int = 0, white: int = 255) -> np.ndarray:
    """Rows and columns of random values from 0 to ``white``, both of which occur."""
    values = np.random.default_rng(seed).integers(0, white + 1, SIZE).astype(np.uint8)
    values[0, :2] = 0, white
    return values


def colour_picture(seed: int = 0) -> np.ndarray:
    """Three of these."""
    return np.stack([grey_picture(seed + channel) for channel in range(3)], axis=-1)


def exif(orientation: int) -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = orientation
    return made


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def save_png(path: Path, values: np.ndarray, *chunks: bytes, bits: int = 16) -> None:
    """Write 16 bits, (H, W) or (H, W, 2, 3 or 4), which Pillow writes of grey alone; or of grey 2 or 4 bits."""
    channels = values.shape[2] if values.ndim == 3 else 1
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    if bits == 16:
        rows = [row.tobytes() for row in values.astype(">u2")]
    else:
        lines = np.unpackbits(values[..., None], axis=-1)[..., -bits:].reshape(len(values), -1)
        rows = [line.tobytes() for line in np.packbits(lines, axis=1)]
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, kind, 0, 0, 0)
    content = zlib.compress(b"".join(b"\0" + row for row in rows))
    made = [png_chunk(b"IHDR", header), *chunks, png_chunk(b"IDAT", content), png_chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(made))


def save_tiff(path: Path, values: np.ndarray, tags: dict[int, int] | None = None, **options: object) -> None:
    """Write by tifffile, with further tags of 16 bits."""
    extra = [(tag, "H", 1, value) for tag, value in (tags or {}).items()]
    options = {"photometric": "rgb" if values.ndim == 3 else "minisblack"} | options
    tifffile.imwrite(path, np.ascontiguousarray(values), extratags=extra, metadata=None, **options)
