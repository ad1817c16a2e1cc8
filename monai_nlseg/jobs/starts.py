"""Workers that cannot be started."""

from __future__ import annotations

import logging
from collections import Counter

STARTS = 3
"""Failed starts in a row after which a worker is given up."""

logger = logging.getLogger(__name__)


class Starts:
    """Count of the failed starts of each worker.

    One whose start fails :data:`STARTS` times in a row is given up, while others go on.
    """

    def __init__(self) -> None:
        self._failed = Counter[int]()

    def given_up(self, worker: int) -> bool:
        """Return whether a worker is not to be started again."""
        return self._failed[worker] >= STARTS

    def succeeded(self, worker: int) -> None:
        """Note that a worker is ready."""
        self._failed[worker] = 0

    def failed(self, worker: int, workers: int, reason: str) -> None:
        """Note that a worker was lost before it was ready.

        Args:
            worker: its number, from 0.
            workers: number of workers of the run.
            reason: as in "a worker ended with exit code 1 while it loaded the bundle".

        Raises:
            ValueError: if that was the last worker that was not given up.
        """
        self._failed[worker] += 1
        if all(map(self.given_up, range(workers))):
            raise ValueError(
                f"{reason}, {STARTS} times in a row, and no worker is left: see the system's log, and give fewer "
                "workers if memory ran out."
            )
        if self.given_up(worker):
            logger.warning(f"{reason[0].upper()}{reason[1:]}, {STARTS} times in a row: it is given up, others go on.")
