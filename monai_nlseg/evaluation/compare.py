"""Comparison of methods on the same cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from monai_nlseg.evaluation.table import CaseTable

# Equal values of two methods may differ in the last bits, and would then get ranks as if they differed.
DECIMALS = 12


def compare_tables(
    ours: CaseTable, theirs: Mapping[str, CaseTable], metrics: Sequence[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Compare each other table with ours, by class and metric, over the cases that both have.

    Args:
        ours: the table evaluated now.
        theirs: name -> table.
        metrics: the metrics to compare.

    Returns:
        The comparisons: ``with``, ``class``, ``metric``, what :func:`paired_tests` returns, ``boxes_differ`` (common
        cases that were measured in different boxes, which makes distances between lines incomparable) and ``t_p_holm``,
        ``wilcoxon_p_holm``: Holm's correction over all comparisons of the call, separately for each test. Then a
        sentence for everything that could not be compared.
    """
    comparisons: list[dict[str, Any]] = []
    problems: list[str] = []
    for name, table in theirs.items():
        problems += _not_common(ours, name, table)
        for metric in metrics:
            if metric not in table.metrics:
                problems.append(f"'{name}' has no column '{metric}'")
        for label_class in dict.fromkeys(label_class for _, label_class in ours.values):
            cases = [case for case, other in ours.values if other == label_class and (case, other) in table.values]
            for metric in metrics:
                if not cases or metric not in table.metrics:
                    continue
                pairs = [[each.values[case, label_class][metric] for each in (ours, table)] for case in cases]
                comparisons.append(
                    {"with": name, "class": label_class, "metric": metric}
                    | paired_tests(*(np.array(side) for side in zip(*pairs)))
                    | {"boxes_differ": sum(_boxes_differ(ours.boxes[case], table.boxes[case]) for case in cases)}
                )
    for test in ("t", "wilcoxon"):
        corrected = holm([comparison[f"{test}_p"] for comparison in comparisons])
        for comparison, value in zip(comparisons, corrected):
            comparison[f"{test}_p_holm"] = value
    return comparisons, problems


def paired_tests(ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
    """Run a paired t-test and Wilcoxon's signed-rank test, both two-sided.

    Pairs with a value that is not finite are left out and counted. Differences are rounded to 12 decimals. What is
    not defined is None: everything with fewer than two pairs; t where all differences are the same and not zero.
    Where all are zero, both p are 1. Wilcoxon's test leaves zero differences out (Wilcoxon's own rule); SciPy takes
    the exact distribution up to 50 pairs, all permutations with ties up to 13, else the normal approximation.

    Args:
        ours, theirs: values of the same cases, (n,).

    Returns:
        ``n`` pairs, ``left_out`` and ``zero_differences`` among them, ``mean_difference`` (ours - theirs), ``t``,
        ``t_p``, ``wilcoxon`` (the smaller rank sum) and ``wilcoxon_p``.
    """
    finite = np.isfinite(ours) & np.isfinite(theirs)
    differences = np.round(ours[finite] - theirs[finite], DECIMALS)
    count, nonzero = len(differences), differences[differences != 0]
    result: dict[str, Any] = {
        "n": count,
        "left_out": int((~finite).sum()),
        "zero_differences": count - len(nonzero),
        "mean_difference": float(differences.mean()) if count else None,
        "t": None,
        "t_p": None,
        "wilcoxon": None,
        "wilcoxon_p": None,
    }
    if count < 2:
        return result
    if not len(nonzero):
        return result | {"t_p": 1.0, "wilcoxon_p": 1.0}
    if np.ptp(differences) > 0:
        result["t"], result["t_p"] = map(float, stats.ttest_1samp(differences, 0.0))
    result["wilcoxon"], result["wilcoxon_p"] = map(float, stats.wilcoxon(nonzero))
    return result


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct p-values by Holm's step-down method.

    Source: S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6
    (1979). SciPy corrects the false discovery rate only.

    Args:
        p_values: p-values, or None where there is no test.

    Returns:
        The corrected p-values in the same order, 0 to 1, and None where there is no test.
    """
    tests = sorted((value, index) for index, value in enumerate(p_values) if value is not None)
    corrected: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (value, index) in enumerate(tests):
        highest = max(highest, min(1.0, value * (len(tests) - rank)))
        corrected[index] = highest
    return corrected


def _not_common(ours: CaseTable, name: str, table: CaseTable) -> list[str]:
    problems = []
    for index, one, several in ((0, "case", "cases"), (1, "class", "classes")):
        here, there = ({key[index] for key in each.values} for each in (ours, table))
        for alone, sentence in (
            (here - there, f"'{name}' lacks"),
            (there - here, f"not evaluated here but in '{name}':"),
        ):
            if alone:
                listed = ", ".join(sorted(alone)[:5])
                problems.append(f"{sentence} {len(alone)} {one if len(alone) == 1 else several} ({listed})")
    return problems + _rows_not_common(ours, name, table)


def _rows_not_common(ours: CaseTable, name: str, table: CaseTable) -> list[str]:
    """Return a sentence for rows that one table lacks although it has their case and their class elsewhere."""
    cases, classes = ({key[index] for key in ours.values} & {key[index] for key in table.values} for index in (0, 1))
    problems = []
    for sentence, alone in (
        (f"'{name}' lacks", ours.values.keys() - table.values.keys()),
        (f"not evaluated here but in '{name}':", table.values.keys() - ours.values.keys()),
    ):
        rows = sorted(row for row in alone if row[0] in cases and row[1] in classes)
        if rows:
            listed = ", ".join(f"class {label_class} of case {case}" for case, label_class in rows[:5])
            problems.append(f"{sentence} {len(rows)} {'row' if len(rows) == 1 else 'rows'} ({listed})")
    return problems


def _boxes_differ(ours: str, theirs: str) -> bool:
    # Tables of other programs have no boxes.
    return bool(ours and theirs) and ours != theirs
