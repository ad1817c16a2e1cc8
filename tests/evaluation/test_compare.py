from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from monai_nlseg.evaluation import CaseTable, compare_tables, holm, paired_tests

OURS = np.array([0.91, 0.88, 0.93, 0.85, 0.90, 0.87, 0.95])
THEIRS = np.array([0.89, 0.84, 0.94, 0.79, 0.85, 0.84, 0.88])


def test_against_the_definitions():
    """Differences .02 .04 -.01 .06 .05 .03 .07: ranks 2 4 1 6 5 3 7, the negative one has rank sum 1."""
    found = paired_tests(OURS, THEIRS)
    differences = OURS - THEIRS
    t = differences.mean() / (differences.std(ddof=1) / math.sqrt(7))
    assert found["t"] == pytest.approx(t) and found["t_p"] == pytest.approx(2 * stats.t.sf(t, 6))
    # Of the 128 signs, {} and {1} have a rank sum of at most 1; twice for both sides.
    assert found["wilcoxon"] == 1.0 and found["wilcoxon_p"] == pytest.approx(2 * 2 / 128)
    assert found["mean_difference"] == pytest.approx(differences.mean())
    assert (found["n"], found["left_out"], found["zero_differences"]) == (7, 0, 0)


def test_ties_and_zeros():
    """Equal differences, though they differ in the last bits, are ties; zeros are left out of Wilcoxon's test."""
    ours = np.array([0.3, 0.4, 1.1, 0.4, 0.5, 0.7])
    theirs = np.array([0.2, 0.3, 1.0, 0.5, 0.3, 0.7])
    assert len(np.unique(np.abs(ours - theirs)[:4])) == 3
    found = paired_tests(ours, theirs)
    assert found["zero_differences"] == 1
    ranks = np.array([2.5, 2.5, 2.5, 2.5, 5.0])  # of |.1 .1 .1 -.1 .2|
    assert found["wilcoxon"] == 2.5
    sums = [sum(rank for rank, sign in zip(ranks, signs) if sign) for signs in itertools.product((0, 1), repeat=5)]
    assert found["wilcoxon_p"] == pytest.approx(2 * np.mean(np.array(sums) <= 2.5))
    assert found["t_p"] == pytest.approx(stats.ttest_rel(ours, theirs).pvalue)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([], [], {"n": 0, "mean_difference": None, "t_p": None, "wilcoxon_p": None}),
        ([1.0], [0.5], {"n": 1, "mean_difference": 0.5, "t_p": None, "wilcoxon_p": None}),
        ([1.0, 2.0], [1.0, 2.0], {"t": None, "t_p": 1.0, "wilcoxon_p": 1.0, "zero_differences": 2}),
        ([1.0, 2.0, 3.0], [0.0, 1.0, 2.0], {"t": None, "t_p": None, "wilcoxon": 0.0, "wilcoxon_p": 0.25}),
        ([1.0, math.inf, math.nan], [0.5, 1.0, 1.0], {"n": 1, "left_out": 2, "t_p": None}),
    ],
)
def test_where_a_test_is_not_defined(ours, theirs, expected):
    found = paired_tests(np.array(ours), np.array(theirs))
    assert {key: found[key] for key in expected} == pytest.approx(expected)


def test_holm():
    # Three tests in order: .01 x 3, then .02 x 2, then .03 x 1, which may not fall below the one before.
    assert holm([0.03, None, 0.01, 0.02]) == pytest.approx([0.04, None, 0.03, 0.04])
    assert holm([0.6, 0.7]) == [1.0, 1.0] and holm([]) == []


def table(values, classes=("GM", "WM"), metric="dice", box="0:9"):
    rows = {
        (f"case{case}", name): {metric: value + 0.01 * index}
        for case, value in enumerate(values)
        for index, name in enumerate(classes)
    }
    return CaseTable(rows, {case: box for case, _ in rows}, (metric,))


def test_tables_are_compared_over_common_cases():
    comparisons, problems = compare_tables(table(OURS), {"b.csv": table(THEIRS[:5]), "c.csv": table(OURS)}, ["dice"])
    assert [(each["with"], each["class"], each["n"]) for each in comparisons] == [
        ("b.csv", "GM", 5), ("b.csv", "WM", 5), ("c.csv", "GM", 7), ("c.csv", "WM", 7),
    ]  # fmt: skip
    assert problems == ["'b.csv' lacks 2 cases (case5, case6)"]
    assert comparisons[0]["t_p"] == pytest.approx(stats.ttest_rel(OURS[:5], THEIRS[:5]).pvalue)
    # Four tests in the family: the smallest is multiplied by 4.
    assert comparisons[0]["t_p_holm"] == pytest.approx(4 * comparisons[0]["t_p"])
    assert comparisons[2]["t_p_holm"] == 1.0


def test_a_row_that_one_table_lacks_is_named():
    ours, theirs, more = table(OURS), table(THEIRS), table(OURS)
    del theirs.values["case3", "WM"]
    del ours.values["case1", "GM"]
    comparisons, problems = compare_tables(ours, {"b.csv": theirs, "c.csv": more}, ["dice"])
    assert [each["n"] for each in comparisons] == [6, 6, 6, 7]
    assert problems == [
        "'b.csv' lacks 1 row (class WM of case case3)",
        "not evaluated here but in 'b.csv': 1 row (class GM of case case1)",
        "not evaluated here but in 'c.csv': 1 row (class GM of case case1)",
    ]


def test_what_cannot_be_compared_is_named():
    ours = table(OURS, ("GM",))
    theirs = {
        "metric.csv": table(OURS, ("GM",), "iou"),
        "class.csv": table(OURS, ("WM",)),
        "more.csv": table([*OURS, 1.0], ("GM",), box="1:9"),
    }
    comparisons, problems = compare_tables(ours, theirs, ["dice"])
    assert [(each["with"], each["boxes_differ"]) for each in comparisons] == [("more.csv", 7)]
    assert problems == [
        "'metric.csv' has no column 'dice'",
        "'class.csv' lacks 1 class (GM)",
        "not evaluated here but in 'class.csv': 1 class (WM)",
        "not evaluated here but in 'more.csv': 1 case (case7)",
    ]
