"""The runners of a run: processes of this machine, or a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from monai_nlseg.bounds import require_number
from monai_nlseg.bundle import find_bundle
from monai_nlseg.bundle.identity import BundleIdentity
from monai_nlseg.cohort.cases.case import Case
from monai_nlseg.cohort.journal import Journal
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.cohort.pending import examples
from monai_nlseg.cohort.plan import WorkerPlan, workers_here
from monai_nlseg.cohort.records import Record
from monai_nlseg.cohort.tasks import planning, processing, record_of, worker_spec
from monai_nlseg.cores import available_cpus
from monai_nlseg.io.storage import is_remote
from monai_nlseg.jobs import Dispatcher, Outcome
from monai_nlseg.jobs.local import LocalBackend
from monai_nlseg.jobs.ray import RayBackend

RUNNERS = ("local", "ray")
MOST_WORKERS = 1024
MOST_GPUS = 64


@dataclass(frozen=True)
class Runner:
    """Where a run is done, and by how many workers.

    Attributes:
        kind: "local" for processes of this machine, "ray" for a Ray cluster.
        workers: number of workers; None for as many as GPUs, cores and memory allow.
        address: address of the Ray cluster, such as "auto"; None starts Ray on this machine.
        gpus_per_worker: number of GPUs, or share of one, for each worker on Ray; None for one if the cluster has any.

    Raises:
        ValueError: for another kind, numbers that are not above 0, or Ray's options without Ray.
    """

    kind: str = "local"
    workers: int | None = None
    address: str | None = None
    gpus_per_worker: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in RUNNERS:
            raise ValueError(f"runner {self.kind!r} is unknown: choose {' or '.join(RUNNERS)}.")
        if self.workers is not None:
            require_number("the number of workers", self.workers, 1, MOST_WORKERS)
        if self.kind == "local" and (self.address is not None or self.gpus_per_worker is not None):
            raise ValueError("address and gpus_per_worker are options of Ray: give runner ray, too.")
        if self.gpus_per_worker is not None:
            require_number("gpus_per_worker", self.gpus_per_worker, 0, MOST_GPUS, whole=False)
            if self.gpus_per_worker > 1 and self.gpus_per_worker % 1:
                raise ValueError(f"gpus_per_worker is {self.gpus_per_worker}: above 1, give a whole number.")

    def as_json(self) -> dict[str, Any]:
        """Return what ``run.json`` says about it."""
        return {key: value for key, value in vars(self).items() if value is not None}


def records_of(
    runner: Runner,
    cases: Sequence[Case],
    options: RunOptions,
    identity: BundleIdentity,
    journal: Journal,
    planned: Callable[[WorkerPlan, int], None],
    stopped: Callable[[], bool],
) -> Generator[Record, None, None]:
    """Process cases with a runner, and yield the record of each as it ends.

    Args:
        runner: where the work is done.
        cases: cases in the order in which they are begun.
        options: options of the run.
        identity: identity of the bundle.
        journal: journal with the plan of an earlier run, which is kept.
        planned: called with the plan and the number of workers, if one plan serves all workers.
        stopped: called before each case; if it returns True, those in flight end and no other begins.
    """
    if not cases:
        return
    if runner.kind == "local":
        with Dispatcher(LocalBackend(worker_spec(options, identity))) as dispatcher:
            yield from _run_here(dispatcher, runner, cases, options, journal.plan, planned, stopped)
        return
    output = None if is_remote(options.output) else Path(options.output).absolute()
    options = replace(
        options,
        output=str(output or options.output),
        bundle=str(find_bundle(options.bundle)),
        overrides={key: _absolute_file(value) for key, value in options.overrides.items()},
    )
    backend = RayBackend(
        worker_spec(options, identity),
        output,
        address=runner.address,
        workers=runner.workers,
        gpus_per_worker=runner.gpus_per_worker,
    )
    with Dispatcher(backend) as dispatcher:
        # Nodes differ, so each worker plans for itself.
        tasks = processing(map(_absolute, cases), backend.threads, options.batch)
        yield from _records(dispatcher.run(tasks, min(len(cases), runner.workers or max(1, backend.room)), stopped))


def _run_here(
    dispatcher: Dispatcher,
    runner: Runner,
    cases: Sequence[Case],
    options: RunOptions,
    plan: WorkerPlan | None,
    planned: Callable[[WorkerPlan, int], None],
    stopped: Callable[[], bool],
) -> Iterator[Record]:
    """Plan for all workers by one of the largest cases, unless there is a plan, and process the cases."""
    workers = min(runner.workers or 1, len(cases))
    dispatcher.start(workers)
    for case in examples(cases) if plan is None else []:
        for outcome in filter(None, dispatcher.run([planning(case)], workers, stopped)):
            plan = outcome.result
            if outcome.error is not None:  # the case ended its workers, and would end others
                yield record_of(outcome)
                cases = [other for other in cases if other.name != case.name]
        if plan is not None or stopped():
            break
    if stopped() or not cases:
        return
    plan = plan or WorkerPlan(options.batch, 0)
    workers = min(runner.workers or workers_here(plan, len(cases)), len(cases))
    planned(plan, workers)
    tasks = processing(cases, max(1, available_cpus() // workers), plan.batch)
    yield from _records(dispatcher.run(tasks, workers, stopped))


def _records(outcomes: Iterable[Outcome | None]) -> Iterator[Record]:
    for outcome in outcomes:
        if outcome is not None:
            yield record_of(outcome)


def _absolute(case: Case) -> Case:
    """Return a case with absolute paths, for processes in other folders."""
    return Case(case.name, tuple(tuple(map(_absolute_path, files)) for files in case.images))


def _absolute_file(value: Any) -> Any:
    """Return the value of an override, such as weights, with an absolute path if it is a file."""
    return str(Path(value).absolute()) if isinstance(value, str) and os.path.isfile(value) else value


def _absolute_path(path: str) -> str:
    return path if is_remote(path) else str(Path(path).absolute())
