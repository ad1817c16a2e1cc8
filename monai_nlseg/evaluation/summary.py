"""Statistics of a cohort: moments, a bootstrap interval, and counts of what the means leave out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from monai_nlseg.evaluation.case import CaseResult

BOOTSTRAP_RESAMPLES = 9999
BOOTSTRAP_SEED = 0


def summarize(results: Sequence[CaseResult], metrics: Sequence[str]) -> dict[str, Any]:
    """Summarise each class and metric.

    Args:
        results: what :func:`monai_nlseg.evaluation.evaluate_cohort` returned.
        metrics: the metrics, in order.

    Returns:
        Class -> ``{"found": n, "missed": n, "spurious": n, "absent": n, "metrics": {metric: describe(...)}}``, with
        cases counted by state. Cases that failed are in none of them.
    """
    rows: dict[str, list[Any]] = {}
    for result in results:
        for row in result.classes:
            rows.setdefault(row.class_name, []).append(row)
    return {
        name: {
            **{
                state: sum(row.state == state for row in of_class)
                for state in ("found", "missed", "spurious", "absent")
            },
            "metrics": {metric: describe([row.values[metric] for row in of_class]) for metric in metrics},
        }
        for name, of_class in rows.items()
    }


def summarize_average(results: Sequence[CaseResult], metrics: Sequence[str]) -> dict[str, Any]:
    """Summarise each case's mean over the classes, the "average" of the papers' tables.

    Args:
        results: what :func:`monai_nlseg.evaluation.evaluate_cohort` returned.
        metrics: the metrics, in order.

    Returns:
        Metric -> :func:`describe` of the means; one class that is not finite makes the mean of its case not finite.
    """
    return {
        metric: describe(
            [float(np.mean([row.values[metric] for row in result.classes])) for result in results if result.classes]
        )
        for metric in metrics
    }


def distance_units(results: Sequence[CaseResult]) -> list[str]:
    """Return the units of the distances, "mm" or "pixel", of the cases that did not fail.

    Args:
        results: results of the cases.
    """
    return sorted({result.unit for result in results if result.failure is None})


def describe(values: Sequence[float]) -> dict[str, Any]:
    """Summarise the finite ones of some values.

    Args:
        values: the values; infinite ones and NaN are counted.

    Returns:
        ``n`` finite values and ``not_finite`` others; ``mean``, ``std`` (n - 1 in the denominator), ``median``, and
        ``ci95``, the percentile bootstrap interval of the mean (9999 resamples, seed 0). What is not defined, such
        as the deviation of one value, is None.
    """
    finite = np.array([value for value in values if math.isfinite(value)])
    result: dict[str, Any] = {"n": len(finite), "not_finite": len(values) - len(finite)}
    result |= {
        "mean": float(finite.mean()) if len(finite) else None,
        "std": float(finite.std(ddof=1)) if len(finite) > 1 else None,
        "median": float(np.median(finite)) if len(finite) else None,
        "ci95": _bootstrap(finite) if len(finite) > 1 else None,
    }
    return result


def _bootstrap(values: np.ndarray) -> list[float]:
    interval = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=BOOTSTRAP_RESAMPLES,
        batch=max(1, 10_000_000 // len(values)),
        method="percentile",
        random_state=np.random.default_rng(BOOTSTRAP_SEED),
    ).confidence_interval
    return [float(interval.low), float(interval.high)]
