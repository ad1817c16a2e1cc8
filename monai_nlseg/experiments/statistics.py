"""The numbers of an experiment's tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from monai_nlseg.evaluation import describe, holm, paired_tests
from monai_nlseg.experiments.results import Results, Run
from monai_nlseg.experiments.tables import Column, Table

__all__ = ["CONSTANTS", "CellStatistics", "TableStatistics", "table_statistics", "values_of"]

CONSTANTS = ("parameters", "iterations")
"""Quantities that are set and not measured: they have no deviation."""


@dataclass(frozen=True)
class CellStatistics:
    """A row's values of a column, scaled as the table shows them.

    Attributes:
        values: case or fold -> value, NaN where there is none.
        per: "case" or "run": what a value is of; a metric that has no values of cases is of runs in any table.
        left_out: how many values, of cases where they are known, were not finite.
        n, mean, std, ci95: of the finite ``values``, see :func:`monai_nlseg.evaluation.describe`.
        published: mean and standard deviation, each None if it is not published.
        tests: against the reference row, what :func:`monai_nlseg.evaluation.paired_tests` gives (over what both rows
            have tested) with ``t_p_holm`` and ``wilcoxon_p_holm``; None for the reference row, quantities, and rows
            without runs.
    """

    values: Mapping[str, float]
    per: str
    left_out: int
    n: int
    mean: float | None
    std: float | None
    ci95: tuple[float, float] | None
    published: tuple[float | None, float | None]
    tests: Mapping[str, Any] | None = None

    @property
    def difference(self) -> float | None:
        """Mean here minus published mean."""
        published = self.published[0]
        return None if self.mean is None or published is None else self.mean - published


@dataclass(frozen=True)
class TableStatistics:
    """A table: row -> column -> cell; the experiment's rows first, then those that are published alone.

    Attributes:
        table: what the file says of it.
        reference: the row with which the others are compared.
        cells: the numbers.
        alone: rows that are published and of no model here.
    """

    table: Table
    reference: str
    cells: Mapping[str, Mapping[str, CellStatistics]]
    alone: tuple[str, ...]


def table_statistics(results: Results, table: Table, reference: str) -> TableStatistics:
    """The numbers of a table.

    Each test, the paired t-test and Wilcoxon's, is corrected by Holm over all rows and metrics of the table. Where a
    case is tested in several splits, its value is their mean, and only splits that both rows have are compared.

    Args:
        results: the experiment.
        table: one of its tables.
        reference: a row of the experiment.

    Raises:
        ValueError: for a column whose channel the metric does not have.
    """
    rows = results.experiment.rows()
    alone = tuple(row for row in table.published if row not in rows)
    cells: dict[str, dict[str, CellStatistics]] = {}
    for row in (*rows, *alone):
        model, variant = rows.get(row, ("", ""))
        runs = results.of(model)
        cells[row] = {name: _cell(runs, variant, name, table, row) for name in table.columns}
    _add_tests(cells, results, table, reference)
    return TableStatistics(table, reference, cells, alone)


def values_of(runs: Sequence[Run], variant: str, column: Column, unit: str) -> tuple[dict[str, float], str, int]:
    """A row's values of a column.

    Args:
        runs: of the row's model.
        variant: of the inference.
        column: of a table.
        unit: "case" (the mean over channels and splits is not finite where one of them is not) or "run" (the mean of
            the run's finite cases).

    Returns:
        Case or fold -> value, scaled, NaN where there is none; what they are of, "case" or "run"; and how many values
        of cases, where they are known, were not finite.

    Raises:
        ValueError: for a channel that the metric does not have.
    """
    measured = _measured(runs, variant, column)
    by_case = unit == "case" and any(case for _, case in measured)
    groups: dict[str, list[float]] = {}
    for (fold, case), value in sorted(measured.items()):
        groups.setdefault(case if by_case else fold, []).append(value * column.scale)
    mean = _mean if by_case else _finite_mean
    values = {name: mean(groups[name]) for name in sorted(groups)}
    counted = values if by_case else measured
    return values, "case" if by_case else "run", sum(not math.isfinite(value) for value in counted.values())


def _cell(runs: Sequence[Run], variant: str, name: str, table: Table, row: str) -> CellStatistics:
    values, per, left_out = values_of(runs, variant, table.columns[name], table.unit)
    found = describe(list(values.values()))
    return CellStatistics(
        values,
        per,
        left_out,
        found["n"],
        found["mean"],
        None if table.columns[name].quantity in CONSTANTS else found["std"],
        None if found["ci95"] is None else tuple(found["ci95"]),
        table.published.get(row, {}).get(name, (None, None)),
    )


def _add_tests(cells: dict[str, dict[str, CellStatistics]], results: Results, table: Table, reference: str) -> None:
    rows = results.experiment.rows()
    tested = {
        (row, name): _tests(results, rows[row], rows[reference], column, table.unit)
        for row in rows
        if row != reference
        for name, column in table.columns.items()
        if column.metric is not None and cells[row][name].n and cells[reference][name].n
    }
    for test in ("t", "wilcoxon"):
        for found, value in zip(tested.values(), holm([each[f"{test}_p"] for each in tested.values()])):
            found[f"{test}_p_holm"] = value
    for (row, name), found in tested.items():
        cells[row][name] = replace(cells[row][name], tests=found)


def _tests(
    results: Results, row: tuple[str, str], reference: tuple[str, str], column: Column, unit: str
) -> dict[str, Any]:
    folds = {run.fold for run in results.of(row[0])} & {run.fold for run in results.of(reference[0])}
    ours, theirs = (
        values_of([run for run in results.of(model) if run.fold in folds], variant, column, unit)[0]
        for model, variant in (row, reference)
    )
    common = [name for name in ours if name in theirs]
    return paired_tests(*(np.array([values[name] for name in common], dtype=float) for values in (ours, theirs)))


def _measured(runs: Sequence[Run], variant: str, column: Column) -> dict[tuple[str, str], float]:
    """(Fold, case) -> value; the case is "" of what is known of the run alone."""
    measured: dict[tuple[str, str], float] = {}
    for run in runs:
        of_cases, of_run = _of_run(run, variant, column)
        # A case that was not evaluated is one without a value, not one that is not there.
        missing = dict.fromkeys(run.test, math.nan)
        found = {"": of_run} if of_run is not None else missing | of_cases
        measured |= {(run.fold, case): value for case, value in found.items()}
    return measured


def _of_run(run: Run, variant: str, column: Column) -> tuple[dict[str, float], float | None]:
    """Values of cases, or else the value of the run."""
    result = run.results.get(variant)
    if column.quantity is not None and column.quantity != "case_seconds":
        return {}, float(getattr(run, column.quantity))
    if result is None:
        return {}, None
    if column.metric is None:
        return dict(result.case_seconds), None
    metric = column.metric
    of_cases = {case: _channel(values[metric], column) for case, values in result.cases.items() if metric in values}
    whole = not of_cases and column.channel is None and metric in result.metrics
    return of_cases, result.metrics[metric] if whole else None


def _channel(values: Sequence[float], column: Column) -> float:
    if column.channel is None:
        return _mean(values)
    if not 0 <= column.channel < len(values):
        raise ValueError(
            f"channel {column.channel} of {column.metric} is asked for, but its cases have {len(values)} values: count "
            "from 0, without the background where the metric leaves it out."
        )
    return values[column.channel]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _finite_mean(values: Sequence[float]) -> float:
    return _mean([value for value in values if math.isfinite(value)])
