"""A table of the experiment: its own numbers and the published ones, then the tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai_nlseg.experiments.cells import CONSTANTS, Cell, FilledTable
from monai_nlseg.experiments.report.budget import budget_line
from monai_nlseg.experiments.report.document import Block, Grid, Heading, Listing, Paragraph
from monai_nlseg.experiments.report.numbers import SIGNIFICANT, count, moments, number, p_value
from monai_nlseg.experiments.results import Results
from monai_nlseg.experiments.schema.layout import Column

UNITS = {"case": "the test cases of all folds", "run": "the runs, one value per fold or split"}
PAIRS = {"case": "case (a metric that has one value per run: by fold)", "run": "fold or split"}


def table_blocks(results: Results, found: FilledTable) -> list[Block]:
    """Return a table's numbers, what they mean, what they cost, and what is missing.

    Args:
        results: the experiment and its runs.
        found: the table with its numbers.
    """
    rows = results.experiment.rows()
    runs = [run for model in dict.fromkeys(model for model, _ in rows.values()) for run in results.of(model)]
    lines = [line for row in found.cells for line in _lines(results, found, row)]
    meaning = f"here: mean ± standard deviation (n) over {UNITS[found.table.unit]}; published: as the source has it."
    notes = [("", each) for each in (meaning, budget_line(runs), found.table.note, *_left_out(found)) if each]
    return [Heading(found.table.title), Grid(("", "", *found.table.columns), lines, 2), Listing(notes)]


def tests_blocks(found: FilledTable) -> list[Block]:
    """Return a table's paired tests; nothing if it has only quantities, or no row has two pairs with the reference.

    Args:
        found: the table with its numbers.
    """
    compared = [
        (row, name, cell.tests)
        for row, cells in found.cells.items()
        for name, cell in cells.items()
        if cell.tests is not None
    ]
    if not any(tests["n"] > 1 for *_, tests in compared):
        return []
    lines = [_test_line(row, name, found.table.columns[name], tests) for row, name, tests in compared]
    head = ("row", "column", "pairs", "difference", "t: p", "Holm", "Wilcoxon: p", "Holm")
    meaning = (
        f"Each row minus {found.reference}, paired by {PAIRS[found.table.unit]}: two-sided t-test and Wilcoxon's "
        f"signed-rank test, each corrected by Holm over the {count(len(lines), 'comparison')} of the table; * is below "
        f"{SIGNIFICANT} after correction."
    )
    return [Heading(f"{found.table.title}: tests", 3), Paragraph(meaning), Grid(head, lines, 2)]


def _lines(results: Results, found: FilledTable, row: str) -> list[list[str]]:
    """Return the lines of a row: own numbers, published ones and their difference, as far as they exist."""
    cells, columns = found.cells[row], found.table.columns
    lines = []
    if row not in found.alone:
        tried = bool(results.of(results.experiment.rows()[row][0]))
        lines.append(["here", *(_here(cells[name], columns[name]) if tried else "not run" for name in columns)])
    if any(cell.published[0] is not None for cell in cells.values()):
        lines.append(["published", *(moments(*cells[name].published, columns[name].decimals) for name in columns)])
    if any(cell.difference is not None for cell in cells.values()):
        signed = (number(cells[name].difference, columns[name].decimals, signed=True) for name in columns)
        lines.append(["difference", *signed])
    return [[row if index == 0 else "", *line] for index, line in enumerate(lines)]


def _here(cell: Cell, column: Column) -> str:
    if not cell.n:
        return f"none of {len(cell.values)}"
    amount = "" if column.quantity in CONSTANTS else f" ({cell.n})"
    return moments(cell.mean, cell.std, column.decimals) + amount


def _left_out(found: FilledTable) -> list[str]:
    """Return a sentence for each cell with values that are missing or not finite, as its mean is not over all."""
    return [
        f"{row}, {name}: {count(cell.left_out, 'value')} missing or not finite, left out of the mean and the tests."
        for row, cells in found.cells.items()
        for name, cell in cells.items()
        if cell.left_out
    ]


def _test_line(row: str, name: str, column: Column, tests: Mapping[str, Any]) -> list[str]:
    return [
        row,
        name,
        str(tests["n"]),
        number(tests["mean_difference"], column.decimals, signed=True),
        p_value(tests["t_p"]),
        p_value(tests["t_p_holm"], corrected=True),
        p_value(tests["wilcoxon_p"]),
        p_value(tests["wilcoxon_p_holm"], corrected=True),
    ]
