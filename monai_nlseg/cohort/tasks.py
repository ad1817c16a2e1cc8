"""Tasks of the workers: load the bundle, plan, process a case. All can be sent to other processes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from operator import methodcaller

from monai_nlseg.bundle.identity import BundleIdentity
from monai_nlseg.cohort.cases.case import Case
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.cohort.plan import WorkerPlan
from monai_nlseg.cohort.records import Record
from monai_nlseg.cohort.worker import Worker, is_starved
from monai_nlseg.errors import sentence
from monai_nlseg.jobs import Limits, Outcome, Place, Task, WorkerSpec


def worker_spec(options: RunOptions, identity: BundleIdentity) -> WorkerSpec:
    """Describe a worker of a run: it holds one case in the network, and another that is read or written meanwhile."""
    limits = Limits(options.seconds, options.memory, task="case", loaded="bundle")
    return WorkerSpec(partial(_load, options, identity), limits, depth=2, preload=(__name__,))


def planning(case: Case) -> Task:
    """Return the task to plan by a case, whose result is a plan, or None if the case cannot be read."""
    return Task(case.name, partial(_plan, case))


def processing(cases: Iterable[Case], threads: int, batch: int | None) -> list[Task]:
    """Return the tasks to process cases, whose results are their records.

    Args:
        cases: cases in the order in which they are begun.
        threads: number of PyTorch's threads in a worker.
        batch: number of windows in one pass; None to plan it by the shape of each image.
    """
    return [Task(case.name, methodcaller("process", case, threads, batch)) for case in cases]


def record_of(outcome: Outcome) -> Record:
    """Return the record of a case, which holds only the fault if its worker was lost."""
    record: Record = outcome.result
    if outcome.error is not None:
        record = Record(case=outcome.name, status="failed", error=outcome.error)
    record["attempt"] = outcome.attempt
    return record


def _load(options: RunOptions, identity: BundleIdentity, place: Place) -> Worker:
    try:
        return Worker(options, identity)
    except Exception as error:
        if is_starved(error):
            raise MemoryError(sentence(error)) from None
        raise


def _plan(case: Case, worker: Worker) -> WorkerPlan | None:
    try:
        return worker.plan(case)
    except Exception:  # processing the case will say what is wrong with it
        return None
