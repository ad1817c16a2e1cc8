"""Slices of a few test cases, which are kept for pictures: image, label and prediction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ignite.engine import Engine, Events

from monai_nlseg.handlers.slices import SeenSlice, seen_slice
from monai_nlseg.io.files import written_beside


class SliceKeeper:
    """Ignite handler that keeps a slice of the first cases that an evaluator sees.

    It keeps what :func:`~monai_nlseg.handlers.slices.seen_slice` returns in a NumPy archive with ``case_i``,
    ``image_i`` (H, W) float16 from 0 to 1, and ``label_i`` and ``pred_i`` (H, W) uint8 label maps, for i from 0.

    Args:
        path: path of the archive.
        cases: names of the first cases.
    """

    def __init__(self, path: Path, cases: Sequence[str]) -> None:
        self.path = path
        self.cases = list(cases)
        self._kept: list[SeenSlice] = []

    def attach(self, engine: Engine) -> None:
        """Attach to an evaluator; its postprocessing must have been done."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._keep)
        engine.add_event_handler(Events.COMPLETED, self._write)

    def _keep(self, engine: Engine) -> None:
        for output in engine.state.output:
            if len(self._kept) < len(self.cases):
                self._kept.append(seen_slice(output["image"], output["label"], output["pred"], background=True))

    def _write(self, engine: Engine) -> None:
        arrays: dict[str, Any] = {}
        for index, (case, kept) in enumerate(zip(self.cases, self._kept)):
            arrays |= {
                f"case_{index}": case,
                f"image_{index}": kept.image,
                f"label_{index}": _label_map(kept.label),
                f"pred_{index}": _label_map(kept.prediction),
            }
        with written_beside(self.path) as beside:
            np.savez_compressed(beside, **arrays)


def _label_map(channels: np.ndarray) -> np.ndarray:
    """Return (H, W) labels of (C, H, W) one-hot channels with background, or of one channel of values."""
    labels = channels.argmax(0) if len(channels) > 1 else channels[0].round()
    return labels.astype(np.uint8)
