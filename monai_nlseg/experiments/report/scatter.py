"""Scatter plots of the rows: how good each is against what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai.utils import optional_import

from monai_nlseg.experiments.cells import Cell, FilledTable
from monai_nlseg.experiments.report.document import Picture
from monai_nlseg.experiments.report.style import new_figure, save, style_of
from monai_nlseg.experiments.report.sweep import find_column
from monai_nlseg.experiments.schema.layout import Figure

PLACES = [(6, 3, "left"), (6, -9, "left"), (-6, 3, "right"), (-6, -9, "right"), (0, 8, "center"), (0, -14, "center")]
"""Places for the name of a point: offset in points, and alignment."""


_Label = tuple[str, tuple[float, ...], tuple[float, float]]
"""Name of a point, its colour and its place."""


def draw_scatter(tables: Sequence[FilledTable], figure: Figure, number: int, folder: Path) -> list[Picture]:
    """Draw a point for each row that has both numbers, and a hollow one for published numbers.

    Args:
        tables: all tables with their numbers.
        figure: what the file says about the figure.
        number: number of the figure, for the name of the file.
        folder: folder of the report.

    Returns:
        The figure; nothing if no row has both numbers.
    """
    (across, x), (up, y) = (find_column(tables, str(name)) for name in (figure.x, figure.y))
    rows = [row for row in across.cells if row in up.cells]
    here = {row: (across.cells[row][x].mean, up.cells[row][y].mean) for row in rows}
    paper = {row: (_published(across.cells[row][x]), _published(up.cells[row][y])) for row in rows}
    shown = [row for row in rows if _both(here[row]) or _both(paper[row])]
    if not shown:
        return []
    picture = new_figure(4.2)
    panel = picture.subplots()
    labels: list[_Label] = []
    for index, row in enumerate(shown):
        style = style_of(index)
        look = {"color": style["color"], "marker": style["marker"], "linestyle": "none"}
        for (place, value), hollow in ((here[row], False), (paper[row], True)):
            if place is not None and value is not None:
                panel.plot([place], [value], markerfacecolor="white" if hollow else None, **look)
                labels.append((row, _dark(style["color"]), (place, value)))
    panel.set_xscale("log")
    panel.margins(x=0.2, y=0.15)
    panel.set_xlabel(x)
    panel.set_ylabel(y)
    panel.grid(alpha=0.3, which="both")
    _plain_ticks(panel)
    _label(picture, panel, labels)
    text = f"{figure.title}: {y} against {x} (logarithmic); filled as measured here, hollow as published."
    return [save(picture, folder, f"scatter_{number}", figure.title, text)]


def _published(cell: Cell) -> float | None:
    return cell.published[0]


def _both(point: tuple[float | None, float | None]) -> bool:
    return None not in point


def _dark(color: str) -> tuple[float, ...]:
    """Return a darker colour, for text: the colours of points are too pale for letters."""
    to_rgb, _ = optional_import("matplotlib.colors", name="to_rgb")
    return tuple(0.65 * part for part in to_rgb(color))


def _plain_ticks(panel: Any) -> None:
    """Show numbers instead of powers of ten: parameters and frames per second span little more than one."""
    ticker, _ = optional_import("matplotlib.ticker")
    panel.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    panel.xaxis.set_major_formatter(ticker.EngFormatter(sep=""))
    panel.xaxis.set_minor_formatter(ticker.NullFormatter())


def _label(picture: Any, panel: Any, labels: Sequence[_Label]) -> None:
    """Name each point where the name covers neither another's nor a point."""
    picture.draw_without_rendering()
    dots = [panel.transData.transform(point) for _, _, point in labels]
    taken: list[Any] = []
    for name, color, point in labels:
        for dx, dy, align in PLACES:
            text = panel.annotate(name, point, (dx, dy), textcoords="offset points", ha=align, fontsize=7, color=color)
            box = text.get_window_extent()
            inside = panel.bbox.contains(box.x0, box.y0) and panel.bbox.contains(box.x1, box.y1)
            if inside and box.count_overlaps(taken) == 0 and not any(box.contains(*dot) for dot in dots):
                break
            if (dx, dy, align) != PLACES[-1]:
                text.remove()
        taken.append(box)
