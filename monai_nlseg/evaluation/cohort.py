"""Measure many cases, in parallel processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import torch

from monai_nlseg.evaluation.case import CaseResult, evaluate_case
from monai_nlseg.evaluation.classes import LabelClass, classes_of_values
from monai_nlseg.evaluation.label_map import read_label_map
from monai_nlseg.evaluation.pairs import CasePair

__all__ = ["available_cpus", "evaluate_cohort", "find_classes"]


def find_classes(pairs: Iterable[CasePair]) -> tuple[LabelClass, ...]:
    """One class for each value in any label map; maps that cannot be read are left to the evaluation to report.

    Raises:
        ValueError: if there is no value but background, or more than labels have.
    """
    values: set[int] = set()
    for pair in pairs:
        try:
            values.update(np.unique(read_label_map(pair.label).values).tolist())
        except ValueError:
            continue
    return classes_of_values(values)


def evaluate_cohort(
    pairs: Sequence[CasePair],
    classes: Sequence[LabelClass],
    metrics: Sequence[str],
    roi: str = "full",
    jobs: int = 1,
    on_result: Callable[[CaseResult], None] = lambda result: None,
) -> list[CaseResult]:
    """Measure each case; the results do not depend on ``jobs``.

    Args:
        pairs, classes, metrics, roi: as :func:`evaluate_case` takes them.
        jobs: processes; each holds one case in memory. With 1 all is done in this process. A script that gives more
            must guard its main part with ``if __name__ == "__main__"``, as for any use of multiprocessing.
        on_result: called in this process after each case, in the order in which they end.

    Returns:
        The results in the order of ``pairs``.
    """
    jobs = min(jobs, len(pairs))
    if jobs <= 1:
        results = []
        for pair in pairs:
            results.append(evaluate_case(pair, classes, metrics, roi))
            on_result(results[-1])
        return results

    ended: dict[str, CaseResult] = {}
    pool = ProcessPoolExecutor(jobs, _processes(), initializer=_single_thread)
    try:
        running = {pool.submit(evaluate_case, pair, classes, metrics, roi): pair.case for pair in pairs}
        for future in as_completed(running):
            result = ended[running[future]] = _result(future, running[future])
            on_result(result)
    finally:
        pool.shutdown(cancel_futures=True)
    return [ended[pair.case] for pair in pairs]


def available_cpus() -> int:
    """CPUs that this process may use, which on a shared machine can be fewer than it has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processes() -> multiprocessing.context.BaseContext:
    # Never a fork of this process: PyTorch's threads would hang in the child. A fork server imports PyTorch once.
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _single_thread() -> None:
    torch.set_num_threads(1)


def _result(future: Future[CaseResult], case: str) -> CaseResult:
    try:
        return future.result()
    except BrokenProcessPool:
        return CaseResult(
            case, failure="a process ended before this case did, as happens without memory: give fewer --jobs."
        )
