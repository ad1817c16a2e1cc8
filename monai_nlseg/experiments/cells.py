"""The numbers of an experiment's tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from monai_nlseg.evaluation import describe, holm, paired_tests
from monai_nlseg.experiments.results import Results, Run
from monai_nlseg.experiments.schema.layout import Column, Table

CONSTANTS = ("parameters", "iterations")
"""Quantities that are not measured, so that they have no deviation."""


@dataclass(frozen=True)
class Cell:
    """The values of a row in a column, scaled as the table shows them.

    Attributes:
        values: case or fold -> value, NaN where there is none.
        per: "case" or "run", whichever has the values; a metric without values for cases has them for runs in any
            table.
        left_out: number of values, by case where they are known, that were not finite.
        n: number of finite values.
        mean: their mean.
        std: their standard deviation.
        ci95: confidence interval of the mean, see :func:`monai_nlseg.evaluation.describe`.
        published: mean and standard deviation, each None if it was not published.
        tests: what :func:`monai_nlseg.evaluation.paired_tests` gives against the reference row, over the cases or folds
            that both rows have, with ``t_p_holm`` and ``wilcoxon_p_holm``; None for the reference row, for quantities,
            and for rows without runs.
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
        """Own mean minus published mean; None if either is missing."""
        published = self.published[0]
        return None if self.mean is None or published is None else self.mean - published


@dataclass(frozen=True)
class FilledTable:
    """A table with its numbers.

    Attributes:
        table: the table as the file describes it.
        reference: row with which the others are compared.
        cells: row -> column -> numbers; the experiment's rows come first, then those with published values alone.
        alone: rows with published values that no model here has.
    """

    table: Table
    reference: str
    cells: Mapping[str, Mapping[str, Cell]]
    alone: tuple[str, ...]


def filled_table(results: Results, table: Table, reference: str) -> FilledTable:
    """Return a table with its numbers.

    Each test, the paired t-test and Wilcoxon's, is corrected by Holm over all rows and metrics of the table. Where a
    case is tested in several splits, its value is their mean, and only splits that both rows have are compared.

    Args:
        results: the experiment and its runs.
        table: one of its tables.
        reference: row of the experiment with which the others are compared.

    Raises:
        ValueError: for a column whose channel the metric does not have.
    """
    rows = results.experiment.rows()
    alone = tuple(row for row in table.published if row not in rows)
    cells: dict[str, dict[str, Cell]] = {}
    for row in (*rows, *alone):
        model, variant = rows.get(row, ("", ""))
        runs = results.of(model)
        cells[row] = {name: _cell(runs, variant, name, table, row) for name in table.columns}
    _add_tests(cells, results, table, reference)
    return FilledTable(table, reference, cells, alone)


def values_of(runs: Sequence[Run], variant: str, column: Column, unit: str) -> tuple[dict[str, float], str, int]:
    """Return the values of a row in a column.

    Args:
        runs: runs of the row's model.
        variant: the row's variant of the inference.
        column: a column of a table.
        unit: "case" (the mean over channels and splits is not finite where one of them is not) or "run" (the
            evaluator's value of the whole test part, which may pool its cases; where there is none, as of a channel,
            the mean of the run's finite cases).

    Returns:
        Case or fold -> scaled value, NaN where there is none; "case" or "run", whichever has the values; and the
        number of values, by case where they are known, that were not finite.

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
    if not by_case:
        values |= {
            fold: value * column.scale
            for fold, value in _of_evaluator(runs, variant, column).items()
            if math.isfinite(value) and math.isfinite(values[fold])  # MONAI's means of no value are 0
        }
    counted = values if by_case else measured
    return values, "case" if by_case else "run", sum(not math.isfinite(value) for value in counted.values())


def _cell(runs: Sequence[Run], variant: str, name: str, table: Table, row: str) -> Cell:
    values, per, left_out = values_of(runs, variant, table.columns[name], table.unit)
    found = describe(list(values.values()))
    return Cell(
        values,
        per,
        left_out,
        found["n"],
        found["mean"],
        None if table.columns[name].quantity in CONSTANTS else found["std"],
        None if found["ci95"] is None else tuple(found["ci95"]),
        table.published.get(row, {}).get(name, (None, None)),
    )


def _add_tests(cells: dict[str, dict[str, Cell]], results: Results, table: Table, reference: str) -> None:
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
    """Return (fold, case) -> value; the case is "" for what is known for the run alone."""
    measured: dict[tuple[str, str], float] = {}
    for run in runs:
        of_cases, of_run = _of_run(run, variant, column)
        # A case that was not evaluated counts as one without a value.
        missing = dict.fromkeys(run.test, math.nan)
        found = {"": of_run} if of_run is not None else missing | of_cases
        measured |= {(run.fold, case): value for case, value in found.items()}
    return measured


def _of_run(run: Run, variant: str, column: Column) -> tuple[dict[str, float], float | None]:
    """Return the values of the cases, or else the value of the run."""
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


def _of_evaluator(runs: Sequence[Run], variant: str, column: Column) -> dict[str, float]:
    """Return fold -> the evaluator's value of the metric."""
    if column.metric is None or column.channel is not None:
        return {}
    metrics = {run.fold: run.results[variant].metrics for run in runs if variant in run.results}
    return {fold: found[column.metric] for fold, found in metrics.items() if column.metric in found}


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
