"""Slices of a few test cases, which are kept for pictures: image, label and prediction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.transforms import Orientation

from monai_nlseg.io.files import written_beside


class SliceKeeper:
    """Ignite handler that keeps a slice of the first cases that an evaluator sees.

    It keeps the axial slice of a volume with most of the label, as radiologists look at it, and the whole of a
    two-dimensional image, in a NumPy archive with ``case_i``, ``image_i`` (H, W) float16 from 0 to 1, and ``label_i``
    and ``pred_i`` (H, W) uint8 label maps, for i from 0.

    Args:
        path: path of the archive.
        cases: names of the first cases.
    """

    def __init__(self, path: Path, cases: Sequence[str]) -> None:
        self.path = path
        self.cases = list(cases)
        self._kept: list[dict[str, Any]] = []

    def attach(self, engine: Engine) -> None:
        """Attach to an evaluator; its postprocessing must have been done."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._keep)
        engine.add_event_handler(Events.COMPLETED, self._write)

    def _keep(self, engine: Engine) -> None:
        for output in engine.state.output:
            if len(self._kept) < len(self.cases):
                image, label, pred = (_displayed(output[key]) for key in ("image", "label", "pred"))
                label, pred = _label_map(label), _label_map(pred)
                image = image[0].astype(np.float32)
                if image.shape != label.shape:  # measured in the grid of the original
                    image = _as_large(image, label.shape)
                if label.ndim == 3:
                    index = int(np.argmax((label > 0).sum((0, 1))))
                    image, label, pred = (each[..., index].T for each in (image, label, pred))
                self._kept.append({"image": _scaled(image), "label": label, "pred": pred})

    def _write(self, engine: Engine) -> None:
        arrays: dict[str, Any] = {}
        for index, (case, kept) in enumerate(zip(self.cases, self._kept)):
            arrays |= {f"{name}_{index}": array for name, array in kept.items()} | {f"case_{index}": case}
        with written_beside(self.path) as beside:
            np.savez_compressed(beside, **arrays)


def _displayed(channels: torch.Tensor) -> np.ndarray:
    """Return (C, *spatial) channels, those of a volume with its axes to the patient's left, back and head."""
    turned = Orientation(axcodes="LPS", labels=None)(channels) if channels.ndim == 4 else channels
    return np.asarray(turned)


def _label_map(channels: np.ndarray) -> np.ndarray:
    """Return (*spatial) labels of (C, *spatial) one-hot channels with background, or of one channel of values."""
    labels = channels.argmax(0) if len(channels) > 1 else channels[0].round()
    return labels.astype(np.uint8)


def _as_large(image: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    resized = torch.nn.functional.interpolate(torch.from_numpy(image)[None, None], size=tuple(shape))
    return resized[0, 0].numpy()


def _scaled(image: np.ndarray) -> np.ndarray:
    low, high = np.percentile(image, [0.5, 99.5])
    return np.clip((image - low) / max(high - low, 1e-6), 0, 1).astype(np.float16)
