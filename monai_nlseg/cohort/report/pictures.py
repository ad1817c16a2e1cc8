"""The parts of a preview that the page embeds: pictures with their labels, and volumes."""

from __future__ import annotations

import base64
import gzip
import io
from collections.abc import Sequence
from typing import Any

import nibabel as nib
import numpy as np
from PIL import Image

from monai_nlseg.cohort.preview import Preview

PALETTE = (
    "#00c853", "#ffd600", "#ff5252", "#40c4ff", "#e040fb", "#ff9100",
    "#7c8cff", "#1de9b6", "#ff80ab", "#b2ff59", "#a1887f", "#80deea",
)  # fmt: skip
"""Colours of labels 1, 2, ...; the first follows the last. Green, yellow and red are those of overlay_masks."""
INSIDE, BORDER = 80, 255
"""Opacity of a label and of its outline, 0 to 255."""


def label_color(label: int) -> str:
    """Return the colour of a label as ``#rrggbb``.

    Args:
        label: value of the label, 1 to 255.
    """
    return PALETTE[(label - 1) % len(PALETTE)]


def pictures(preview: Preview) -> list[dict[str, Any]]:
    """Return the slices as layers: "name", "width", "height" and, as data URIs, "image" (JPEG) and "labels" (PNG).

    Args:
        preview: preview of a case.
    """
    return [_layers(name, image, labels) for name, (image, labels) in preview.slices.items()]


def series(preview: Preview) -> dict[str, Any] | None:
    """Return the series that a person looks through, or None for an image.

    Args:
        preview: preview of a case.

    Returns:
        For a volume "image" and "labels", each a compressed NIfTI in base64; for frames "frames", their layers.
    """
    if preview.kind == "volume":
        return {"image": _nifti(preview.image, preview.affine), "labels": _nifti(preview.labels, preview.affine)}
    if preview.kind == "frames":
        pairs = zip(preview.image, preview.labels)
        return {"frames": [_layers(f"frame {number}", *pair) for number, pair in enumerate(pairs, 1)]}
    return None


def _layers(name: str, image: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    return {
        "name": name,
        "width": image.shape[1],
        "height": image.shape[0],
        "image": _uri(Image.fromarray(image), "jpeg", quality=82),
        "labels": _uri(_overlay(labels), "png", transparency=_opacities()),
    }


def _overlay(labels: np.ndarray) -> Image.Image:
    """Return labels as indices of a palette with two entries per colour: for the inside and for the outline."""
    colors = len(PALETTE)
    inside = np.where(labels > 0, (labels.astype(np.int16) - 1) % colors + 1, 0)
    around = np.pad(labels, 1, mode="edge")
    neighbours = (around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:])
    border = (labels > 0) & np.any([neighbour != labels for neighbour in neighbours], axis=0)
    picture = Image.fromarray((inside + colors * border).astype(np.uint8))
    picture.putpalette(b"\0\0\0" + 2 * b"".join(bytes.fromhex(color[1:]) for color in PALETTE))
    return picture


def _opacities() -> bytes:
    return bytes([0] + [INSIDE] * len(PALETTE) + [BORDER] * len(PALETTE))


def _uri(picture: Image.Image, form: str, **options: Any) -> str:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return f"data:image/{form};base64,{base64.b64encode(file.getvalue()).decode()}"


def _nifti(array: np.ndarray, affine: Sequence[Sequence[float]] | np.ndarray) -> str:
    data = nib.Nifti1Image(array, affine).to_bytes()
    return base64.b64encode(gzip.compress(data, compresslevel=4, mtime=0)).decode()
