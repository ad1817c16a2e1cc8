"""The demos of a fundus photograph and of simulated ultrasound images."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from skimage.data import retina

from monai_nlseg.bundle import run_bundle
from monai_nlseg.demo.result import DemoResult, dice, removed_on_failure
from monai_nlseg.io.pictures import read_grey
from monai_nlseg.io.pictures.checks import read_mask
from monai_nlseg.simulate import simulate_breast, simulate_fetal_head
from monai_nlseg.simulate.folder import save_image
from monai_nlseg.transforms import FillContour
from monai_nlseg.visualize import overlay_masks


@dataclass(frozen=True)
class Source:
    """The source of an image and the bundle that segments it.

    Attributes:
        draw: returns the image, (H, W) or (H, W, 3) uint8, and its mask, (H, W), or None if there is none.
        bundle: name of the bundle.
        options: ids of the bundle's config to override, with their values.
    """

    draw: Callable[[], tuple[np.ndarray, np.ndarray | None]]
    bundle: str
    options: dict[str, Any]


def segment_image(task: str, output: Path, bundle: str | Path) -> DemoResult:
    """Segment the image of a task.

    The image, its predicted mask (0 and 255) and a picture are written; the picture shows the image beside the image
    with the masks drawn by :func:`monai_nlseg.visualize.overlay_masks`.

    Args:
        task: a key of ``SOURCES``.
        output: folder to write to.
        bundle: path or name of a bundle that segments such images.
    """
    source = SOURCES[task]
    pixels, reference = source.draw()
    image = output / f"{task}.png"
    places = {"dataset_dir": str(image), "output_dir": str(output)}
    with removed_on_failure(image):
        save_image(image, pixels)
        run_bundle(bundle, ["inference"], places | source.options, logs=False)
    labels = output / f"{task}_seg.png"
    prediction = read_mask(labels)
    overlay = overlay_masks(pixels, prediction, reference)
    plain = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    picture = output / f"{task}_overlay.png"
    save_image(picture, np.concatenate([plain, overlay], axis=1))
    scores = {} if reference is None else {f"{task} against the simulated truth": dice(prediction, reference)}
    return DemoResult(labels, picture, scores)


def _photograph() -> tuple[np.ndarray, None]:
    return retina(), None


def _breast() -> tuple[np.ndarray, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        (image,) = simulate_breast(folder, 1)
        return read_grey(image), read_mask(image.with_name(f"{image.stem}_mask.png"))


def _fetal_head() -> tuple[np.ndarray, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        (annotation,) = simulate_fetal_head(folder, 1)
        image = annotation.with_name(annotation.name.replace("_Annotation", ""))
        contour = read_mask(annotation)
        return read_grey(image), np.asarray(FillContour()(contour[None])[0]) > 0


ULTRASOUND = "ultrasound_laednet_segmentation"
SOURCES = {
    "retina": Source(_photograph, "retinal_vessel_dnlnet_segmentation", {}),
    "breast": Source(_breast, ULTRASOUND, {"task": "breast"}),
    "fetal-head": Source(_fetal_head, ULTRASOUND, {"task": "fetal-head"}),
}
