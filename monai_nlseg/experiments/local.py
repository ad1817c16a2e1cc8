"""Runs in processes of this machine."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event

from monai_nlseg.experiments.execute import Resources, execute
from monai_nlseg.experiments.plan import RunSpec

__all__ = ["run_locally"]

POLL_SECONDS = 1.0


def run_locally(
    specs: Sequence[RunSpec], jobs: int, resources: Resources, stopped: Callable[[], bool]
) -> Generator[tuple[RunSpec, str | None] | None, None, None]:
    """Do runs, so many at a time.

    Args:
        specs: the runs; their folders hold their ``spec.json``.
        jobs: runs at a time.
        resources: of each.
        stopped: once it says True, the runs in flight are ended and no other is begun.

    Yields:
        Each run as it ends, with why it failed or None; and None about every second, for whoever shows progress.
        Closed early, it ends the runs in flight.
    """
    closed = Event()
    with ThreadPoolExecutor(jobs) as pool:  # each thread waits for a process
        running: dict[Future[str | None], RunSpec] = {
            pool.submit(execute, spec.folder, resources, lambda: closed.is_set() or stopped()): spec for spec in specs
        }
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
