"""A metric against the value of a config id, with the seconds of a case on a second axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai.utils import optional_import

from monai_nlseg.evaluation import describe
from monai_nlseg.experiments.cells import Cell, FilledTable, values_of
from monai_nlseg.experiments.report.document import Picture
from monai_nlseg.experiments.report.style import new_figure, save, style_of, wrapped
from monai_nlseg.experiments.results import Results
from monai_nlseg.experiments.schema.layout import QUANTITIES, Column, Figure

LOGARITHMIC = 4
"""Ratio of the largest to the least value beyond which an axis is logarithmic."""


@dataclass(frozen=True)
class _Point:
    line: str
    x: float | str
    cell: Cell
    seconds: float | None


def find_column(tables: Sequence[FilledTable], name: str) -> tuple[FilledTable, str]:
    """Return the table and the column that "table title/column" names.

    Args:
        tables: all tables with their numbers.
        name: the name, which the experiment has checked.
    """
    return next(
        (found, column) for found in tables for column in found.table.columns if f"{found.table.title}/{column}" == name
    )


def draw_sweep(
    results: Results, tables: Sequence[FilledTable], figure: Figure, number: int, folder: Path
) -> list[Picture]:
    """Draw a line for each model.

    Args:
        results: the experiment and its runs.
        tables: all tables with their numbers.
        figure: what the file says about the figure.
        number: number of the figure, for the name of the file.
        folder: folder of the report.

    Returns:
        The figure; nothing if no row with a value of the config id has run.
    """
    found, column = find_column(tables, str(figure.metric))
    points, without = _points(results, found, column, figure.x)
    if not points:
        return []
    values = [point.x for point in points]
    words = [] if all(isinstance(value, float) for value in values) else list(dict.fromkeys(map(str, values)))
    picture = new_figure(3.6)
    panel = picture.subplots()
    clock = panel.twinx()
    for index, line in enumerate(dict.fromkeys(point.line for point in points)):
        of_line = [point for point in points if point.line == line]
        _draw(panel, clock, of_line, words, style_of(index), line)
    _scale(panel, words, values)
    panel.set_xlabel(figure.x)
    panel.set_ylabel(f"{column}, solid")
    _scale_clock(clock, [point.seconds for point in points if point.seconds])
    panel.grid(alpha=0.3)
    handles, labels = panel.get_legend_handles_labels()
    picture.legend(handles, labels, loc="outside lower center", ncols=min(3, len(labels)), fontsize=8)
    text = f"{figure.title}: {column} against {figure.x}, solid, and the seconds of a case, dotted"
    left_out = f"; without a value of {figure.x}: {', '.join(without)}" if without else ""
    return [save(picture, folder, f"sweep_{number}", figure.title, f"{text}{left_out}.")]


def _points(results: Results, found: FilledTable, column: str, key: str) -> tuple[list[_Point], list[str]]:
    """Return the points of the rows that have run, in the order of their values, and the rows without the config id."""
    experiment = results.experiment
    points, without = [], []
    for row, (model, variant) in experiment.rows().items():
        cell = found.cells[row][column]
        if not cell.n:
            continue
        chosen: Mapping[str, Any] = experiment.inference.get(variant, {})
        overrides = experiment.overrides | experiment.trained()[model] | experiment.evaluation | dict(chosen)
        if key not in overrides:
            without.append(row)
            continue
        line = model.replace(f", {key}={overrides[key]}", "") if key not in chosen and key in experiment.grid else model
        name = f"{line}, {variant}" if variant and key not in chosen else line
        seconds, _, _ = values_of(results.of(model), variant, Column(quantity="case_seconds"), found.table.unit)
        points.append(_Point(name, _place(overrides[key]), cell, describe(list(seconds.values()))["mean"]))
    if all(isinstance(point.x, float) for point in points):
        points.sort(key=lambda point: point.x)
    return points, without


def _scale(panel: Any, words: list[str], values: Sequence[Any]) -> None:
    """Set a tick at each value, logarithmic where the values double, as steps of a window do."""
    if words:
        panel.set_xticks(range(len(words)), words)
        return
    ticks = sorted(set(values))
    if ticks[0] > 0 and ticks[-1] / ticks[0] > LOGARITHMIC:
        panel.set_xscale("log")
    panel.set_xticks(ticks, [f"{value:g}" for value in ticks])
    panel.set_xticks([], minor=True)


def _scale_clock(clock: Any, seconds: Sequence[float]) -> None:
    if seconds and max(seconds) / min(seconds) > LOGARITHMIC:
        clock.set_yscale("log")
        ticker, _ = optional_import("matplotlib.ticker")
        clock.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        clock.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
        clock.yaxis.set_minor_formatter(ticker.NullFormatter())
    else:
        clock.set_ylim(bottom=0)
    clock.set_ylabel(f"{QUANTITIES['case_seconds']}, dotted")


def _place(value: Any) -> float | str:
    """Return the place of a value: a number if it is one, or the same along each axis, else its text."""
    same = isinstance(value, list | tuple) and len(set(map(str, value))) == 1
    single = value[0] if same else value
    return float(single) if isinstance(single, int | float) and not isinstance(single, bool) else str(value)


def _draw(panel: Any, clock: Any, points: Sequence[_Point], words: list[str], style: dict[str, str], name: str) -> None:
    def places(shown: Sequence[_Point]) -> list[Any]:
        return [words.index(str(point.x)) if words else point.x for point in shown]

    color, marker = style["color"], style["marker"]
    panel.plot(
        places(points), [point.cell.mean for point in points], "-", color=color, marker=marker, label=wrapped(name, 32)
    )
    published = [point for point in points if point.cell.published[0] is not None]
    if published:
        means = [point.cell.published[0] for point in published]
        panel.plot(places(published), means, "-", color=color, marker=marker, mfc="white", alpha=0.6, lw=0.8)
        panel.lines[-1].set_label(f"{wrapped(name, 32)}, published")
    timed = [point for point in points if point.seconds is not None]
    clock.plot(places(timed), [point.seconds for point in timed], ":", color=color, marker=marker, ms=3)
