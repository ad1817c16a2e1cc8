"""Box plots of a table over its cases."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from monai_nlseg.experiments.cells import Cell, FilledTable
from monai_nlseg.experiments.report.document import Picture
from monai_nlseg.experiments.report.style import new_figure, save, wrapped

PANELS = 4
"""Most panels beside each other."""
PUBLISHED: dict[str, Any] = {
    "marker": "D", "color": "none", "markeredgecolor": "black", "markersize": 5, "linestyle": "none", "zorder": 4,
}  # fmt: skip


def draw_boxes(found: FilledTable, number: int, folder: Path) -> list[Picture]:
    """Draw a panel for each metric, with a box for each row and a point for each case.

    Args:
        found: the table with its numbers.
        number: number of the table, for the name of the file.
        folder: folder of the report.

    Returns:
        The figure; nothing for a table over runs or without values.
    """
    rows = [row for row in found.cells if row not in found.alone]
    names = [
        name
        for name, column in found.table.columns.items()
        if column.metric is not None and any(_of_cases(found.cells[row][name]) for row in rows)
    ]
    if found.table.unit != "case" or not names:
        return []
    lines = math.ceil(len(names) / PANELS)
    columns = math.ceil(len(names) / lines)
    figure = new_figure(lines * (1.0 + 0.42 * len(rows)) + 0.3)
    panels = figure.subplots(lines, columns, squeeze=False, sharey=True).flat
    for panel, name in zip(panels, names):
        _draw(panel, [found.cells[row][name] for row in rows])
        panel.set_yticks(range(1, len(rows) + 1), [wrapped(row) for row in rows], fontsize=8 if columns < 4 else 7)
        panel.tick_params(axis="y", length=0)
        panel.set_title(wrapped(name, int(60 / columns)), fontsize=10)
    panels[0].set_ylim(len(rows) + 0.6, 0.4)
    for panel in list(figure.axes)[len(names) :]:
        panel.set_axis_off()
    if any(found.cells[row][name].published[0] is not None for row in rows for name in names):
        handle = figure.axes[0].plot([], [], **PUBLISHED, label="published mean")
        figure.legend(handles=handle, loc="outside lower center", fontsize=8)
    title = f"{found.table.title}: box plots"
    caption = f"{title} over the test cases of all folds, whose number is at the right of each."
    return [save(figure, folder, f"boxes_{number}", title, caption)]


def _of_cases(cell: Cell) -> list[float]:
    return [value for value in cell.values.values() if math.isfinite(value)] if cell.per == "case" else []


def _draw(panel: Any, cells: list[Cell]) -> None:
    # Horizontal, unlike those of evaluation.plot, as names of models are long.
    values = [_of_cases(cell) for cell in cells]
    panel.boxplot(values, orientation="horizontal", showfliers=False, widths=0.55, medianprops={"color": "C1"})
    for position, (cell, found) in enumerate(zip(cells, values), 1):
        panel.plot(found, [position] * len(found), ".", color="C0", alpha=0.5)
        if cell.published[0] is not None:
            panel.plot([cell.published[0]], [position], **PUBLISHED)
        panel.annotate(
            str(len(found)), (1.0, position), xycoords=("axes fraction", "data"), xytext=(2, 0),
            textcoords="offset points", va="center", fontsize=7, color="0.35",
        )  # fmt: skip
    panel.grid(axis="x", alpha=0.3)
    panel.locator_params(axis="x", nbins=3)
    panel.tick_params(axis="x", labelsize=8)
