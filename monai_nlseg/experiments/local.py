"""Runs in processes of this machine."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from queue import Queue
from threading import Event

import torch

from monai_nlseg.experiments.execute import Resources, execute
from monai_nlseg.experiments.plan import RunSpec

__all__ = ["run_locally", "shared_out"]

POLL_SECONDS = 1.0


def run_locally(
    specs: Sequence[RunSpec], jobs: int, resources: Resources, stopped: Callable[[], bool]
) -> Generator[tuple[RunSpec, str | None] | None, None, None]:
    """Do runs, so many at a time.

    Args:
        specs: the runs; their folders hold their ``spec.json``.
        jobs: runs at a time, which share the machine's GPUs out.
        resources: of each.
        stopped: once it says True, the runs in flight are ended and no other is begun.

    Yields:
        Each run as it ends, with why it failed or None; and None about every second, for whoever shows progress.
        Closed early, it ends the runs in flight.
    """
    closed = Event()
    places: Queue[Resources] = Queue()
    for gpus in shared_out(_visible_gpus(), jobs, resources.processes):
        places.put(replace(resources, gpus=gpus))

    def do(spec: RunSpec) -> str | None:
        place = places.get()
        try:
            return execute(spec.folder, place, lambda: closed.is_set() or stopped())
        finally:
            places.put(place)

    with ThreadPoolExecutor(jobs) as pool:  # each thread waits for a process
        running: dict[Future[str | None], RunSpec] = {pool.submit(do, spec): spec for spec in specs}
        try:
            while running:
                ended, _ = wait(running, POLL_SECONDS, FIRST_COMPLETED)
                for future in ended:
                    spec = running.pop(future)
                    error = future.result()
                    if error is not None or not stopped():
                        yield spec, error
                yield None
        finally:
            closed.set()


def shared_out(gpus: Sequence[str], jobs: int, processes: int) -> list[tuple[str, ...]]:
    """Which GPUs each of the jobs sees: its own, one a process, or as few others' as can be.

    Args:
        gpus: all.
        jobs: runs at a time.
        processes: of a run, which never share a GPU.

    Raises:
        ValueError: if there are GPUs, but too few for the processes of one run.
    """
    if gpus and processes > len(gpus):
        raise ValueError(f"--processes {processes} needs as many GPUs, and there are {len(gpus)}: give fewer.")
    row = itertools.cycle(gpus)
    return [tuple(itertools.islice(row, processes)) for _ in range(jobs)]


def _visible_gpus() -> list[str]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [name.strip() for name in visible.split(",")] if visible else map(str, range(torch.cuda.device_count()))
    return list(names)[: torch.cuda.device_count()]
