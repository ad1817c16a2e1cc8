"""Peak memory of a process, task by task."""

from __future__ import annotations

import contextlib
import resource
import sys
import threading
from pathlib import Path

STATUS = Path("/proc/self/status")
RESET = Path("/proc/self/clear_refs")


class PeakMemory:
    """Largest resident memory of this process during each of several tasks.

    On Linux the system's mark is reset whenever a task begins or ends; elsewhere it holds for the process's life.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, int] = {}

    def begin(self, name: str) -> None:
        """Note that a task begins.

        Args:
            name: name of the task.
        """
        self._take()
        with self._lock:
            self._held[name] = 0

    def end(self, name: str) -> int:
        """Note that a task ends, and return the largest memory in bytes since it began.

        Args:
            name: name of the task.
        """
        self._take()
        with self._lock:
            return self._held.pop(name)

    def _take(self) -> None:
        with self._lock:
            peak = _high_water_mark()
            for name in self._held:
                self._held[name] = max(self._held[name], peak)
            with contextlib.suppress(OSError):  # refused in some containers
                RESET.write_text("5")


def _high_water_mark() -> int:
    lines = STATUS.read_text().splitlines() if STATUS.exists() else []
    for line in lines:
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
