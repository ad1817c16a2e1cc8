from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from monai_nlseg.evaluation import holm
from monai_nlseg.experiments import Column, Table, experiment_of
from monai_nlseg.experiments.cells import filled_table, values_of
from monai_nlseg.experiments.results import Results, Run, VariantResult, read_results
from tests.experiments.finished import CASES, EXPERIMENT, FULL, PLAIN, STEPS, dice_of, run_record, write_all, write_run

REFERENCE = f"{FULL}, step 8"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return read_results(write_all(tmp_path_factory.mktemp("experiment")))


def dice(row: str, channel: int | None) -> np.ndarray:
    """The values of a row, case by case, in percent."""
    model, variant = row.rsplit(", ", 1)
    rows = np.array([dice_of(model, variant, case) for case in CASES])
    return 100 * (rows.mean(1) if channel is None else rows[:, channel])


@pytest.mark.parametrize(("column", "channel"), [("CSF", 0), ("average", None)])
def test_cases_against_scipy(results, column, channel):
    found = filled_table(results, results.experiment.tables[0], REFERENCE)
    for row in results.experiment.rows():
        cell, values = found.cells[row][column], dice(row, channel)
        assert (cell.n, cell.left_out, cell.per) == (6, 0, "case") and list(cell.values) == CASES
        np.testing.assert_allclose(list(cell.values.values()), values)
        assert (cell.mean, cell.std) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
        if row == REFERENCE:
            assert cell.tests is None
            continue
        theirs = dice(REFERENCE, channel)
        assert cell.tests["t_p"] == pytest.approx(stats.ttest_rel(values, theirs).pvalue)
        assert cell.tests["wilcoxon_p"] == pytest.approx(stats.wilcoxon(values, theirs).pvalue)
        assert cell.tests["mean_difference"] == pytest.approx(np.mean(values - theirs))


def test_holm_is_over_the_whole_table(results):
    found = filled_table(results, results.experiment.tables[0], REFERENCE)
    tests = [cell.tests for cells in found.cells.values() for cell in cells.values() if cell.tests]
    assert len(tests) == 3 * 2
    for test in ("t", "wilcoxon"):
        assert [each[f"{test}_p_holm"] for each in tests] == holm([each[f"{test}_p"] for each in tests])
    assert min(each["t_p_holm"] for each in tests) == pytest.approx(6 * min(each["t_p"] for each in tests))


def test_runs_against_scipy(results):
    found = filled_table(results, results.experiment.tables[1], REFERENCE)

    def folds(row: str) -> np.ndarray:
        values = dice(row, None) / 100
        return np.array([values[[first, first + 3]].mean() for first in range(3)])

    row = f"{PLAIN}, step 16"
    cell = found.cells[row]["Dice"]
    assert list(cell.values) == ["fold_1", "fold_2", "fold_3"] and cell.per == "run"
    assert (cell.mean, cell.std) == pytest.approx((np.mean(folds(row)), np.std(folds(row), ddof=1)))
    assert cell.tests["t_p"] == pytest.approx(stats.ttest_rel(folds(row), folds(REFERENCE)).pvalue)
    assert cell.tests["wilcoxon_p"] == pytest.approx(stats.wilcoxon(folds(row), folds(REFERENCE)).pvalue)
    assert list(found.cells[row]["AUC"].values.values()) == pytest.approx([0.91, 0.92, 0.93])


def test_quantities_are_not_tested(results):
    found = filled_table(results, results.experiment.tables[1], REFERENCE)
    parameters, seconds = (found.cells[f"{PLAIN}, step 8"][name] for name in ("parameters", "seconds"))
    assert (parameters.mean, parameters.std, parameters.tests) == (2_534_276, None, None)
    # 8 s and a tenth of each case's number: means of two cases a fold.
    assert list(seconds.values.values()) == pytest.approx([8.25, 8.35, 8.45]) and seconds.tests is None


def test_published_numbers(results):
    found = filled_table(results, results.experiment.tables[0], REFERENCE)
    cell = found.cells[REFERENCE]["CSF"]
    assert cell.published == (95.30, 0.74) and cell.difference == pytest.approx(np.mean(dice(REFERENCE, 0)) - 95.30)
    assert found.alone == ("Model of others",) and list(found.cells)[-1] == "Model of others"
    alone = found.cells["Model of others"]["CSF"]
    assert (alone.n, alone.mean, alone.published, alone.difference, alone.tests) == (0, None, (90.0, 1.0), None, None)


def test_what_is_not_finite_is_counted(tmp_path):
    write_all(tmp_path)
    record = run_record(PLAIN, "fold_1")
    record["results"]["step 8"]["cases"]["s1"]["val_mean_dice"] = [0.9, None, 0.8]
    del record["results"]["step 8"]["cases"]["s4"]  # as if it had not been evaluated
    write_run(tmp_path, record)
    results, row = read_results(tmp_path), f"{PLAIN}, step 8"
    found = filled_table(results, results.experiment.tables[0], REFERENCE).cells[row]
    assert [(found[name].n, found[name].left_out) for name in ("CSF", "average")] == [(5, 1), (4, 2)]
    assert found["average"].tests["n"] == 4
    assert found["average"].mean == pytest.approx(dice(row, None)[[1, 2, 4, 5]].mean())
    by_run = filled_table(results, results.experiment.tables[1], REFERENCE).cells[row]["Dice"]
    # A run of which no case has a value has none.
    assert (by_run.n, by_run.left_out) == (2, 2) and math.isnan(by_run.values["fold_1"])


def test_a_metric_that_nobody_has(results):
    table = Table(title="T", columns={"x": Column(metric="val_hausdorff")})
    cell = filled_table(results, table, REFERENCE).cells[REFERENCE]["x"]
    assert (cell.n, cell.left_out, cell.mean, cell.tests) == (0, 6, None, None)


def test_a_channel_that_the_metric_has_not(results):
    table = Table(title="T", columns={"x": Column(metric="val_mean_dice", channel=3)})
    with pytest.raises(ValueError, match="channel 3 of val_mean_dice is asked for, but its cases have 3 values"):
        filled_table(results, table, REFERENCE)


def test_only_common_folds_are_compared(results):
    """Of an experiment that is not finished."""
    short = replace(results, runs=tuple(run for run in results.runs if (run.model, run.fold) != (PLAIN, "fold_3")))
    cell = filled_table(short, short.experiment.tables[0], REFERENCE).cells[f"{PLAIN}, step 8"]["CSF"]
    common = [0, 1, 3, 4]
    ours, theirs = (dice(row, 0)[common] for row in (f"{PLAIN}, step 8", REFERENCE))
    assert cell.n == cell.tests["n"] == 4
    assert cell.tests["t_p"] == pytest.approx(stats.ttest_rel(ours, theirs).pvalue)


def made_run(model: str, fold: str, values: dict[str, float]) -> Run:
    result = VariantResult({}, {case: {"dice": (value,)} for case, value in values.items()}, {})
    return Run(
        folder=Path(fold), model=model, fold=fold, training=(), validation=(), test=tuple(values), weights="last",
        seed=0, epochs=1, iterations=1, batch_size=1, threads=1, device="cpu", parameters=1, training_seconds=1.0,
        iteration_seconds=1.0, frames_per_second=1.0, software={}, machine={}, results={"": result},
    )  # fmt: skip


def made_results(runs: list[Run], unit: str) -> Results:
    models = {run.model: {} for run in sorted(runs, key=lambda run: run.model)}
    table = {"title": "T", "unit": unit, "columns": {"dice": {"metric": "dice"}}}
    experiment = experiment_of({"title": "", "bundle": "", "models": models, "tables": [table]})
    return Results(Path(), experiment, tuple(runs), tuple(sorted({run.fold for run in runs})), (), (), {})


def test_a_case_of_several_splits_counts_once():
    """Its value is the mean of what the splits gave; only splits that both rows have are compared."""
    a = [made_run("a", "split_1", {"s1": 0.8, "s2": 0.6}), made_run("a", "split_2", {"s1": 0.9, "s3": 0.5})]
    b = [made_run("b", "split_1", {"s1": 0.7, "s2": 0.4})]
    results = made_results(a + b, "case")
    cells = filled_table(results, results.experiment.tables[0], "a").cells
    assert cells["a"]["dice"].values == pytest.approx({"s1": 0.85, "s2": 0.6, "s3": 0.5})
    expected = stats.ttest_rel([0.7, 0.4], [0.8, 0.6])
    assert cells["b"]["dice"].tests["n"] == 2
    assert cells["b"]["dice"].tests["t_p"] == pytest.approx(expected.pvalue)
    values, per, left_out = values_of(
        [*a, made_run("a", "split_3", {"s2": math.nan})], "", Column(metric="dice"), "case"
    )
    assert math.isnan(values["s2"]) and (per, left_out) == ("case", 1)


def test_a_run_s_value_is_the_evaluator_s():
    """Which may measure the pixels of all cases together, and is not the mean of the cases."""
    run = made_run("a", "fold_1", {"s1": 0.8, "s2": 0.6, "s3": math.nan})

    def found(metrics: dict[str, float], unit: str, **options: object) -> tuple[dict[str, float], str, int]:
        result = replace(run.results[""], metrics=metrics)
        return values_of([replace(run, results={"": result})], "", Column(metric="dice", scale=100, **options), unit)

    assert found({"dice": 0.65}, "run") == ({"fold_1": pytest.approx(65)}, "run", 1)
    cases = found({"dice": 0.65}, "case")[0]
    assert (cases["s1"], cases["s2"]) == (pytest.approx(80), pytest.approx(60)) and math.isnan(cases["s3"])
    for metrics, options in (({}, {}), ({"dice": math.nan}, {}), ({"dice": 0.65}, {"channel": 0})):
        assert found(metrics, "run", **options)[0] == {"fold_1": pytest.approx(70)}
    nothing = made_run("a", "fold_1", {"s1": math.nan})
    nothing = replace(nothing, results={"": replace(nothing.results[""], metrics={"dice": 0.0})})
    assert math.isnan(values_of([nothing], "", Column(metric="dice"), "run")[0]["fold_1"])


DICE = st.lists(st.floats(0, 1), min_size=6, max_size=6)


@settings(max_examples=15, deadline=None)
@given(ours=DICE, theirs=DICE, order=st.permutations(range(6)), unit=st.sampled_from(["case", "run"]))
def test_the_order_of_runs_does_not_matter(ours, theirs, order, unit):
    runs = [
        made_run(model, f"fold_{fold}", {f"s{2 * fold + part}": values[2 * fold + part] for part in (0, 1)})
        for model, values in (("a", ours), ("b", theirs))
        for fold in range(3)
    ]
    first, second = (made_results(each, unit) for each in (runs, [runs[place] for place in order]))
    found, again = (filled_table(each, each.experiment.tables[0], "a") for each in (first, second))
    assert found.cells == again.cells
    cells = found.cells
    assert cells["a"]["dice"].tests is None
    assert cells["b"]["dice"].tests["n"] == (6 if unit == "case" else 3)
    assert min(ours) - 1e-12 <= cells["a"]["dice"].mean <= max(ours) + 1e-12


@given(scale=st.sampled_from([1.0, 100.0]), values=DICE)
def test_scale(scale, values):
    runs = [made_run("a", "fold_1", {f"s{index}": value for index, value in enumerate(values)})]
    found, _, _ = values_of(runs, "", Column(metric="dice", scale=scale), "case")
    assert list(found.values()) == pytest.approx([scale * value for value in values])


def test_variants_are_rows_of_their_own(results):
    assert set(results.experiment.rows()) == {f"{model}, {step}" for model in (FULL, PLAIN) for step in STEPS}
    assert experiment_of(EXPERIMENT).reference_row == REFERENCE
