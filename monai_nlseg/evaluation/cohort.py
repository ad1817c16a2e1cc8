"""Measurement of many cases in parallel processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from monai_nlseg.evaluation.case import CaseResult, evaluate_case
from monai_nlseg.evaluation.classes import BACKGROUND, LabelClass, classes_of_values
from monai_nlseg.evaluation.label_map import read_label_map
from monai_nlseg.evaluation.pairs import CasePair
from monai_nlseg.processes import in_processes

Values = tuple[frozenset[int], frozenset[int]]


def find_classes(pairs: Sequence[CasePair], ignore_label: int | None = None, jobs: int = 1) -> tuple[LabelClass, ...]:
    """Return the classes that the maps of a cohort hold, see :func:`monai_nlseg.evaluation.classes.classes_of_values`.

    Args:
        pairs: the cases.
        ignore_label: value of the label maps that is not a class, or None.
        jobs: number of processes.

    Returns:
        The classes. None are returned if there is no case, or if some maps cannot be read, which the evaluation then
        names, and the others hold only background.

    Raises:
        ValueError: if the maps hold only background, or too many values for label maps.
    """
    found = in_processes(_values, pairs, jobs, lambda pair: None, __name__)
    labels = [label - {ignore_label} for label, _ in filter(None, found)]
    predictions = [prediction for _, prediction in filter(None, found)]
    if (None in found or not found) and not any(values - {BACKGROUND} for values in (*labels, *predictions)):
        return ()
    return classes_of_values(labels, predictions)


def _values(pair: CasePair) -> Values | None:
    """Return the values of the label map and of the prediction, or None if one cannot be read."""
    try:
        label, prediction = (np.unique(read_label_map(path).values).tolist() for path in (pair.label, pair.prediction))
    except ValueError:
        return None
    return frozenset(label), frozenset(prediction)


def evaluate_cohort(
    pairs: Sequence[CasePair],
    classes: Sequence[LabelClass],
    metrics: Sequence[str],
    roi: str = "full",
    jobs: int = 1,
    on_result: Callable[[CaseResult], None] = lambda result: None,
    ignore_label: int | None = None,
    fill_contours: bool = False,
) -> list[CaseResult]:
    """Measure each case; the results do not depend on ``jobs``.

    Args:
        pairs, classes, metrics, roi, ignore_label, fill_contours: as :func:`evaluate_case` takes them.
        jobs: number of processes; each holds one case in memory. With 1, this process measures all cases. A script that
            gives more must guard its main part by ``if __name__ == "__main__"``, as multiprocessing requires.
        on_result: called in this process after each case, in the order in which they end.

    Returns:
        The results in the order of ``pairs``.
    """
    measure = partial(
        evaluate_case, classes=classes, metrics=metrics, roi=roi, ignore_label=ignore_label, fill_contours=fill_contours
    )
    return in_processes(measure, pairs, jobs, _lost, __name__, on_result)


def _lost(pair: CasePair) -> CaseResult:
    return CaseResult(
        pair.case, failure="a process ended before this case did, as happens when memory runs out: give fewer --jobs."
    )
