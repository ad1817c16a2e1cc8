"""Who does the work of a run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from monai_nlseg.bundle import find_bundle
from monai_nlseg.cohort.bundle_identity import BundleIdentity
from monai_nlseg.cohort.cases import Case
from monai_nlseg.cohort.journal import Journal
from monai_nlseg.cohort.local import run_local
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.cohort.pending import largest
from monai_nlseg.cohort.ray_runner import run_ray
from monai_nlseg.cohort.records import Record
from monai_nlseg.cohort.storage import is_remote
from monai_nlseg.cohort.worker import Worker

__all__ = ["RUNNERS", "Runner", "records_of"]

RUNNERS = ("local", "ray")


@dataclass(frozen=True)
class Runner:
    """Who does the work.

    Attributes:
        kind: "local" for processes of this machine, "ray" for a Ray cluster.
        workers: their number; None for as many as GPUs, cores and memory allow.
        address: of the Ray cluster, such as "auto"; None starts Ray on this machine.
        gpus_per_worker: GPUs, or the share of one, of each of Ray's workers; None for one where the cluster has any.

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
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"{self.workers} workers do nothing: give at least 1.")
        if self.kind == "local" and (self.address is not None or self.gpus_per_worker is not None):
            raise ValueError("address and gpus_per_worker are Ray's: give runner ray, too.")

    def as_json(self) -> dict[str, Any]:
        """What ``run.json`` says of it."""
        return {key: value for key, value in vars(self).items() if value is not None}


def records_of(
    runner: Runner,
    cases: Sequence[Case],
    options: RunOptions,
    identity: BundleIdentity,
    journal: Journal,
    stopped: Callable[[], bool],
) -> Generator[Record, None, None]:
    """Process cases by a runner and yield the record of each as it ends."""
    if not cases:
        return
    if runner.kind == "local":
        folder = journal.path.parent
        yield from run_local(cases, options, identity, folder, runner.workers, journal.plan, journal.planned, stopped)
        return
    output = None if is_remote(options.output) else Path(options.output).absolute()
    options = replace(
        options,
        output=str(output or options.output),
        bundle=str(find_bundle(options.bundle)),
        overrides={key: _absolute_file(value) for key, value in options.overrides.items()},
    )
    yield from run_ray(
        [_absolute(case) for case in cases],
        partial(_planned_worker, options, identity, _absolute(largest(cases, 1)[0])),
        output,
        seconds=options.seconds,
        memory=options.memory,
        workers=runner.workers,
        address=runner.address,
        gpus_per_worker=runner.gpus_per_worker,
        stopped=stopped,
    )


def _planned_worker(options: RunOptions, identity: BundleIdentity, example: Case, threads: int) -> Worker:
    """A worker that has planned for its own node; whatever is wrong with the example, its processing will say."""
    worker = Worker(options, identity)
    worker.settle(threads, options.batch)
    with contextlib.suppress(Exception):
        worker.plan(example, options.batch)
    return worker


def _absolute(case: Case) -> Case:
    """For processes that are elsewhere."""
    return Case(case.name, tuple(tuple(map(_absolute_path, files)) for files in case.images))


def _absolute_file(value: Any) -> Any:
    """The value of an override, such as weights."""
    return str(Path(value).absolute()) if isinstance(value, str) and os.path.isfile(value) else value


def _absolute_path(path: str) -> str:
    return path if is_remote(path) else str(Path(path).absolute())
