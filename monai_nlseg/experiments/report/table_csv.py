"""The tables in long form, with a line for each cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from monai_nlseg.csv_text import escaped
from monai_nlseg.experiments.cells import Cell, FilledTable
from monai_nlseg.experiments.results import Results

COLUMNS = (
    "table", "row", "column", "n", "not_finite", "mean", "std", "ci95_low", "ci95_high", "published_mean",
    "published_std", "difference", "reference", "t_p", "t_p_holm", "wilcoxon_p", "wilcoxon_p_holm", "iterations",
    "training_minutes",
)  # fmt: skip


def to_csv(results: Results, tables: Sequence[FilledTable]) -> str:
    """Return every cell of every table, scaled as the tables show it, with all digits; what is missing is empty.

    ``reference`` is the row of the tests, empty where there is none; ``iterations`` and ``training_minutes`` are means
    over the runs of the row.

    Args:
        results: the experiment and its runs.
        tables: all tables with their numbers.
    """
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for found in tables:
        for row, cells in found.cells.items():
            for column, cell in cells.items():
                place = {"table": found.table.title, "row": row, "column": column}
                line = place | _numbers(cell, found.reference) | _cost(results, row)
                writer.writerow({key: escaped(value) for key, value in line.items() if value is not None})
    return file.getvalue()


def _numbers(cell: Cell, reference: str) -> dict[str, Any]:
    tests = cell.tests or {}
    low, high = cell.ci95 or (None, None)
    return {
        "n": cell.n,
        "not_finite": cell.left_out,
        "mean": cell.mean,
        "std": cell.std,
        "ci95_low": low,
        "ci95_high": high,
        "published_mean": cell.published[0],
        "published_std": cell.published[1],
        "difference": cell.difference,
        "reference": reference if tests else None,
        **{key: tests.get(key) for key in ("t_p", "t_p_holm", "wilcoxon_p", "wilcoxon_p_holm")},
    }


def _cost(results: Results, row: str) -> dict[str, float]:
    model, _ = results.experiment.rows().get(row, ("", ""))
    runs = results.of(model)
    if not runs:
        return {}
    return {
        "iterations": float(np.mean([run.iterations for run in runs])),
        "training_minutes": float(np.mean([run.training_seconds for run in runs])) / 60,
    }
