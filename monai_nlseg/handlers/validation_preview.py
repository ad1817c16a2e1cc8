"""An early look at a training: a picture of a few validation cases, drawn again at each validation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.utils import optional_import

from monai_nlseg.handlers.slices import SeenSlice, seen_slice
from monai_nlseg.io.files import written_beside

ROW_INCHES = 2.4
COLUMNS = ("image", "label", "prediction")


class ValidationPreview:
    """Ignite handler that draws the first cases of each validation: image, outlines of label and prediction, legend.

    Of a volume the axial slice with most of the label is shown. Needs matplotlib.

    Args:
        path: PNG file, which is replaced at each validation; its folder is created if it is missing.
        names: names of the classes, without the background.
        background: whether the evaluator's one-hot channels begin with the background; False for masks that overlap.
        cases: how many cases are drawn.

    Raises:
        ValueError: without matplotlib, at once and not after the first validation.
    """

    def __init__(self, path: str | Path, names: Sequence[str], background: bool = True, cases: int = 4) -> None:
        self._figure_class, found = optional_import("matplotlib.figure", name="Figure")
        if not found:
            raise ValueError("the preview needs matplotlib, which is missing: pip install 'monai-nlseg[train]'.")
        self.path = Path(path)
        self.names = list(names)
        self.background = background
        self.cases = cases
        self._seen: list[tuple[str, SeenSlice]] = []

    def attach(self, engine: Engine) -> None:
        """Attach to a MONAI evaluator, whose postprocessing gives one-hot channels or masks.

        Args:
            engine: the evaluator.
        """
        engine.add_event_handler(Events.STARTED, self._seen.clear)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._see)
        engine.add_event_handler(Events.COMPLETED, self._draw)

    def _see(self, engine: Engine) -> None:
        for item, output in zip(engine.state.batch, engine.state.output):
            if len(self._seen) < self.cases:
                seen = seen_slice(output["image"], output["label"], output["pred"], self.background)
                self._seen.append((str(item.get("case", "")), seen))

    def _draw(self, engine: Engine) -> None:
        shapes = [seen.image.shape for _, seen in self._seen]
        heights = [ROW_INCHES * min(2.0, rows / columns) for rows, columns in shapes]
        figure = self._figure_class(figsize=(3 * ROW_INCHES, sum(heights) + 0.8), layout="constrained")
        grid = figure.subplots(len(shapes), 3, squeeze=False, gridspec_kw={"height_ratios": heights})
        for line, (case, seen) in zip(grid, self._seen):
            for panel, channels in zip(line, (None, seen.label, seen.prediction)):
                panel.set_xticks([], [])
                panel.set_yticks([], [])
                panel.imshow(seen.image.astype(float), cmap="gray", vmin=0, vmax=1)
                if channels is not None:
                    self._outline(panel, channels)
            line[0].set_ylabel(case[-24:], fontsize=7)
        for panel, title in zip(grid[0], COLUMNS):
            panel.set_title(title, fontsize=9)
        legend = [grid[0, 0].plot([], [], color=f"C{index}", label=name)[0] for index, name in enumerate(self.names)]
        figure.legend(handles=legend, loc="outside lower center", ncols=min(6, len(legend)), fontsize=8)
        with written_beside(self.path) as beside:
            figure.savefig(beside, dpi=110)

    def _outline(self, panel: Any, channels: Any) -> None:
        if self.background and len(channels) > 1:
            channels = channels[1:]
        for index, mask in enumerate(channels):
            if mask.any() and not mask.all() and min(mask.shape) > 1:
                panel.contour(mask > 0, levels=[0.5], colors=f"C{index}", linewidths=1.2)
