"""Draw retina.png: predictions of the retinal bundle on two photographs of CHASE_DB1 that it was not trained on.

``python docs/images/retina.py CHASE_DB1``. Green is the prediction, red the first observer, yellow both.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from monai_nlseg.bundle import run_bundle

BUNDLE = "retinal_vessel_dnlnet_segmentation"
CASES = ("Image_08L", "Image_10R")
SIZE = (320, 308)


def overlay(pred: np.ndarray, label: np.ndarray) -> Image.Image:
    """Red truth plus green prediction, which is yellow where they agree."""
    colours = np.stack([label, pred, np.zeros_like(pred)], axis=-1).astype(np.uint8) * 255
    return Image.fromarray(colours).resize(SIZE, Image.Resampling.BOX)


def draw(dataset: Path, path: Path) -> None:
    picture = Image.new("RGB", (4 * SIZE[0], SIZE[1]))
    with tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(CASES):
            photograph = dataset / f"{case}.jpg"
            run_bundle(BUNDLE, ["inference"], {"dataset_dir": str(photograph), "output_dir": folder}, logs=False)
            pred = np.asarray(Image.open(Path(folder) / f"{case}_seg.png")) > 0
            label = np.asarray(Image.open(dataset / f"{case}_1stHO.png").convert("L")) > 0
            picture.paste(Image.open(photograph).resize(SIZE, Image.Resampling.LANCZOS), (2 * number * SIZE[0], 0))
            picture.paste(overlay(pred, label), ((2 * number + 1) * SIZE[0], 0))
    picture.quantize(160, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(__file__).with_suffix(".png"))
