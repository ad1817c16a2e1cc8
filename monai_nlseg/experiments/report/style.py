"""How the figures look."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from monai.utils import optional_import

from monai_nlseg.experiments.report.document import Picture
from monai_nlseg.io.files import written_beside

# The colours of Okabe and Ito, which colour-blind readers can tell apart, without yellow, which is pale on white.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
LINES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
WIDTH = 7.0
"""Width of a figure in inches, at which text of 9 points is readable in a column."""
DPI = 150


def new_figure(height: float) -> Any:
    """Return an empty figure of :data:`WIDTH` by ``height`` inches.

    Raises:
        ValueError: without matplotlib.
    """
    figure_class, found = optional_import("matplotlib.figure", name="Figure")
    if not found:
        raise ValueError("the report's figures need matplotlib, which is missing: pip install 'monai-nlseg[evaluate]'.")
    return figure_class(figsize=(WIDTH, height), dpi=DPI, layout="constrained")


def style_of(index: int) -> dict[str, str]:
    """Return colour, line and marker of the model with an index; the colours repeat with another line.

    Args:
        index: index of the model, from 0.
    """
    return {
        "color": COLORS[index % len(COLORS)],
        "linestyle": LINES[index // len(COLORS) % len(LINES)],
        "marker": MARKERS[index % len(MARKERS)],
    }


def wrapped(name: str, width: int = 26) -> str:
    """Return a name in lines of at most ``width`` letters, broken at commas rather than elsewhere.

    Args:
        name: the name.
        width: most letters in a line.
    """
    if len(name) <= width:
        return name
    parts = [f"{part}," for part in name.split(", ")]
    return "\n".join(textwrap.fill(part, width) for part in parts).removesuffix(",")


def save(figure: Any, folder: Path, name: str, title: str, caption: str) -> Picture:
    """Write the figure to ``figures/<name>.png`` of the report's folder.

    Args:
        figure: figure of matplotlib.
        folder: folder of the report.
        name: name of the file without its suffix.
        title: what the figure shows, in a few words.
        caption: caption of the figure.
    """
    path = Path("figures", f"{name}.png")
    with written_beside(folder / path) as beside:
        figure.savefig(beside, format="png", facecolor="white")
    return Picture(path, title, caption)
