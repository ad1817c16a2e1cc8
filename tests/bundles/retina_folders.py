"""Made-up fundus photographs in the layouts of DRIVE and CHASE_DB1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

SIZE = (76, 72)  # height and width


def photograph(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a lit disc with dark lines: return its colours (H, W, 3), the lines and the disc (H, W)."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    disc = (rows - SIZE[0] / 2) ** 2 + (columns - SIZE[1] / 2) ** 2 < 34**2
    waves = np.sin(columns / rng.uniform(5, 9) + rng.uniform(0, 6)) * 6
    vessels = (np.abs((rows + waves) % 24 - rng.uniform(8, 16)) < 2) & disc
    light = gaussian_filter(rng.normal(size=SIZE), 6) * 60 + 120 - 60 * gaussian_filter(vessels.astype(float), 0.7)
    colours = np.stack([light + 60, light, light / 2], axis=-1) + rng.normal(0, 3, (*SIZE, 1))
    return (colours * disc[..., None]).clip(0, 255).astype(np.uint8), vessels, disc


def _save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels)
    image.save(path, **({"quality": 95} if path.suffix == ".jpg" else {}))


def chasedb1_folder(root: Path, children: int = 4) -> Path:
    for child in range(1, children + 1):
        for eye in "LR":
            colours, vessels, _ = photograph(2 * child + (eye == "R"))
            case = root / f"Image_{child:02d}{eye}"
            _save(case.with_suffix(".jpg"), colours)
            _save(case.with_name(f"{case.name}_1stHO.png"), vessels)
            _save(case.with_name(f"{case.name}_2ndHO.png"), vessels)
    return root


def drive_folder(root: Path, images: int = 3, test_labels: bool = True) -> Path:
    for subset, first in (("training", 21), ("test", 1)):
        for number in range(first, first + images):
            colours, vessels, disc = photograph(100 + number)
            _save(root / subset / "images" / f"{number:02d}_{subset}.tif", colours)
            _save(root / subset / "mask" / f"{number:02d}_{subset}_mask.gif", disc)
            if subset == "training" or test_labels:
                _save(root / subset / "1st_manual" / f"{number:02d}_manual1.gif", vessels)
    return root
