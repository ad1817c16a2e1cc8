"""Workers as processes of this machine."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import wait
from pathlib import Path

from monai_nlseg.cohort.bundle_identity import BundleIdentity
from monai_nlseg.cohort.cases import Case
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.cohort.pending import largest
from monai_nlseg.cohort.plan import WorkerPlan, cores_here, workers_here
from monai_nlseg.cohort.process import WorkerProcess
from monai_nlseg.cohort.records import Record
from monai_nlseg.cohort.scratch import own_scratch

__all__ = ["run_local"]

TICK = 0.2
"""Seconds between two looks at the limits."""
PLANNED_ON = 3
"""Cases that are read for a plan, until one can be."""


def run_local(
    cases: Sequence[Case],
    options: RunOptions,
    identity: BundleIdentity,
    records_dir: Path,
    workers: int | None,
    plan: WorkerPlan | None,
    planned: Callable[[WorkerPlan, int], None],
    stopped: Callable[[], bool],
) -> Iterator[Record]:
    """Process cases in processes of this machine and yield a record of each as it ends.

    A worker that dies or passes a limit is replaced. If it held two cases, each is tried again alone, so that the one
    at fault is known; a case fails by a worker's death the second time only.

    Args:
        cases: in the order in which they are begun; at least one.
        options: of the run.
        identity: of the bundle.
        records_dir: folder of the run's records, in which no other run is at work.
        workers: number of processes, each of which loads the bundle once; None for as many as the machine has GPUs, or
            cores and memory for.
        plan: of an earlier run; None to plan by one of the largest cases.
        planned: told the plan and the number of workers.
        stopped: asked before a case is begun; True lets those in flight end and begins no other.

    Raises:
        ValueError: if a worker cannot load the bundle, or the output folder cannot be written.
    """
    with own_scratch(records_dir) as scratch:
        pool = _Pool(options, identity, scratch)
        try:
            pool.grow(min(workers or 1, len(cases)), workers or 1)
            if plan is None:
                plan = pool.plan(largest(cases, PLANNED_ON))
            count = min(workers or workers_here(plan, len(cases)), len(cases))
            planned(plan, count)
            pool.batch = plan.batch
            pool.grow(count, count)
            yield from _process(deque(cases), pool, stopped)
        finally:
            pool.stop()


def _process(waiting: deque[Case], pool: _Pool, stopped: Callable[[], bool]) -> Iterator[Record]:
    alone: deque[Case] = deque()
    attempts = Counter[str]()  # that ended with the worker
    while True:
        if not stopped():
            pool.restock(len(waiting) + len(alone))
        for process in pool.processes:
            process.fill(waiting, alone, stopped())
        if not any(process.flying for process in pool.processes):
            return
        wait([process.connection for process in pool.processes], timeout=TICK)
        for process in list(pool.processes):
            for record in process.records():
                record["attempt"] = attempts[record["case"]] + 1
                yield record
            fault = process.fault()
            if fault is None:
                continue
            lost = pool.remove(process)
            attempts.update(case.name for case in lost)
            # A worker may be ended for the fault of others, as when the system's memory runs out.
            first_death = process.died and attempts[lost[0].name] == 1 if lost else False
            if len(lost) == 1 and not first_death:
                yield Record(case=lost[0].name, status="failed", error=fault, attempt=attempts[lost[0].name])
            else:
                alone.extend(lost)


class _Pool:
    """The workers of a run."""

    def __init__(self, options: RunOptions, identity: BundleIdentity, scratch: str) -> None:
        self.processes: list[WorkerProcess] = []
        self.batch: int | None = None
        self._arguments = (options, identity, scratch)
        self._threads = 1
        self._count = 0

    def grow(self, count: int, workers: int) -> None:
        """Have ``count`` processes, each with its share of the cores."""
        self._count = count
        self._threads = max(1, cores_here() // max(workers, 1))
        for process in self.processes:
            process.settle(self._threads, self.batch)
        self.restock(count)

    def restock(self, waiting: int) -> None:
        """Start processes in the place of those that died, if cases wait for them."""
        free = sum(not process.flying for process in self.processes)
        while len(self.processes) < self._count and free < waiting:
            index = min(set(range(self._count)) - {process.index for process in self.processes})
            self.processes.append(WorkerProcess(*self._arguments, index=index, threads=self._threads, batch=self.batch))
            free += 1

    def plan(self, cases: Sequence[Case]) -> WorkerPlan:
        """By the first of ``cases`` that can be read; without any, the bundle's own batch and one worker."""
        for case in cases:
            self.restock(1)
            process = self.processes[0]
            if found := process.plan(case):
                return found
            if process.flying:  # of which it died, or passed its limits; so it will when it is its turn
                self.remove(process)
        return WorkerPlan(None, 0)

    def remove(self, process: WorkerProcess) -> list[Case]:
        """End a process and return the cases that it held."""
        self.processes.remove(process)
        return process.stop()

    def stop(self) -> None:
        """End all."""
        for process in self.processes:
            process.stop()
