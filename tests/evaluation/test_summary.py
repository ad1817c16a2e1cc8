from __future__ import annotations

import math

import numpy as np
import pytest

from monai_nlseg.evaluation import CaseResult, ClassResult, describe, summarize, summarize_average

VALUES = [0.9, 0.8, 0.85, 0.7, 0.95, 0.6]


def test_moments():
    found = describe([*VALUES, math.nan, math.inf])
    assert (found["n"], found["not_finite"]) == (6, 2)
    assert found["mean"] == pytest.approx(0.8) and found["median"] == pytest.approx(0.825)
    assert found["std"] == pytest.approx(np.sqrt(sum((value - 0.8) ** 2 for value in VALUES) / 5))


def test_the_interval_is_the_bootstrap_of_the_mean_and_the_same_each_time():
    low, high = describe(VALUES)["ci95"]
    assert describe(VALUES)["ci95"] == [low, high]
    resampled = np.random.default_rng(7).choice(VALUES, (20_000, 6)).mean(1)
    assert [low, high] == pytest.approx(np.percentile(resampled, [2.5, 97.5]), abs=0.005)
    assert describe([2.0, 2.0, 2.0])["ci95"] == [2.0, 2.0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], (0, None, None, None)), ([math.nan], (0, None, None, None)), ([1.5], (1, 1.5, None, None))],
)
def test_too_few_values(values, expected):
    found = describe(values)
    assert (found["n"], found["mean"], found["std"], found["ci95"]) == expected


def test_what_the_means_leave_out_is_counted():
    states = ["found", "missed", "spurious", "found", "absent"]
    values = [1.0, math.inf, math.inf, 3.0, 0.0]
    results = [
        CaseResult(str(index), "", (ClassResult("GM", state, {"hd95": value}),))
        for index, (state, value) in enumerate(zip(states, values))
    ]
    found = summarize([*results, CaseResult("broken", failure="no")], ["hd95"])["GM"]
    assert (found["found"], found["missed"], found["spurious"], found["absent"]) == (2, 1, 1, 1)
    assert found["metrics"]["hd95"]["n"] == 3 and found["metrics"]["hd95"]["not_finite"] == 2
    assert found["metrics"]["hd95"]["mean"] == pytest.approx(4 / 3)


def test_the_average_is_over_the_classes_of_a_case():
    values = [(0.9, 0.7), (0.8, 0.4), (math.inf, 0.1)]
    results = [
        CaseResult(str(index), "", tuple(ClassResult(name, "found", {"asd": one}) for name, one in zip("ab", case)))
        for index, case in enumerate(values)
    ]
    found = summarize_average([*results, CaseResult("broken", failure="no")], ["asd"])["asd"]
    assert (found["n"], found["not_finite"]) == (2, 1)
    assert found["mean"] == pytest.approx(0.7) and found["std"] == pytest.approx(0.2 / math.sqrt(2))
