"""What a cohort amounts to: moments, a bootstrap interval, and what the means leave out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from monai_nlseg.evaluation.case import CaseResult

__all__ = ["BOOTSTRAP_RESAMPLES", "BOOTSTRAP_SEED", "describe", "distance_units", "summarize", "summarize_average"]

BOOTSTRAP_RESAMPLES = 9999
BOOTSTRAP_SEED = 0


def summarize(results: Sequence[CaseResult], metrics: Sequence[str]) -> dict[str, Any]:
    """Statistics of each class and metric.

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
    """Statistics of each case's mean over the classes, the "average" of the papers' tables.

    Returns:
        Metric -> :func:`describe` of the means; a class whose value is not finite makes its case's mean so.
    """
    return {
        metric: describe(
            [float(np.mean([row.values[metric] for row in result.classes])) for result in results if result.classes]
        )
        for metric in metrics
    }


def distance_units(results: Sequence[CaseResult]) -> list[str]:
    """The units of the distances, "mm" or "pixel", in which the cases that did not fail were measured."""
    return sorted({result.unit for result in results if result.failure is None})


def describe(values: Sequence[float]) -> dict[str, Any]:
    """Statistics over the finite ones of ``values``.

    Returns:
        ``n`` finite values and ``not_finite`` others; ``mean``, ``std`` (n - 1 in the denominator), ``median``, and
        ``ci95``, the percentile bootstrap interval of the mean (9999 resamples, seed 0). What is not defined, as a
        deviation of one value, is None.
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
