"""Made-up images for the tests of the readers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
SIZE = (20, 16)  # width and height


def save_image(path: Path, mode: str = "L", size: tuple[int, int] = SIZE, seed: int = 0) -> None:
    """Save an image of random pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], len(mode))
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8)).save(path)


def save_mask(
    path: Path, values: tuple[int, ...] = (255,), size: tuple[int, int] = SIZE, mode: str = "L"
) -> np.ndarray:
    """Save a mask, in which each of ``values`` fills five pixels of a row, from row 2 and column 3 on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((size[1], size[0]), np.uint8)
    for row, value in enumerate(values, 2):
        pixels[row, 3:8] = value
    Image.fromarray(pixels).convert(mode).save(path)
    return pixels > 0


def truncate(path: Path, bytes_: int = 30) -> None:
    """Cut the last bytes off a file."""
    path.write_bytes(path.read_bytes()[:-bytes_])
