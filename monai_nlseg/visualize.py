"""Masks drawn over images in the papers' colours."""

from __future__ import annotations

import numpy as np
from skimage.color import gray2rgb
from skimage.util import img_as_ubyte

GREEN, RED, YELLOW = (0, 255, 0), (255, 0, 0), (255, 255, 0)


def overlay_masks(
    image: np.ndarray, prediction: np.ndarray, reference: np.ndarray | None = None, alpha: float = 0.4
) -> np.ndarray:
    """Draw a predicted mask in green and the reference, if there is one, in red; where both agree the colour is yellow.

    Args:
        image: (H, W) grey or (H, W, 3) red, green, blue; uint8 in 0 to 255 or float in 0 to 1.
        prediction: (H, W); non-zero is foreground.
        reference: (H, W); non-zero is foreground; None without a reference.
        alpha: opacity of the colours, 0 to 1.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: if a mask has another height or width than the image.

    Examples::

        mask = np.zeros((64, 64), np.uint8)
        mask[16:48, 16:48] = 255
        picture = overlay_masks(np.full((64, 64), 128, np.uint8), mask, np.roll(mask, 8, axis=1))

    """
    for name, mask in (("prediction", prediction), ("reference", reference)):
        if mask is not None and mask.shape != image.shape[:2]:
            raise ValueError(
                f"the {name} is {mask.shape}, the image {image.shape[:2]} pixels: give masks of the image's size."
            )
    found = prediction != 0
    wanted = np.zeros_like(found) if reference is None else reference != 0
    picture = np.array(img_as_ubyte(image if image.ndim == 3 else gray2rgb(image)))
    for mask, color in ((found & ~wanted, GREEN), (wanted & ~found, RED), (found & wanted, YELLOW)):
        picture[mask] = (1 - alpha) * picture[mask] + alpha * np.array(color)
    return picture
