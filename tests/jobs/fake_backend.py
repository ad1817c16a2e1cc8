"""A backend without processes, on a clock that is a number."""

from __future__ import annotations

from collections import deque
from typing import Any

from monai_nlseg.jobs import Limits, Task, WorkerSpec
from monai_nlseg.jobs.events import Died, Done, Event, Outgrown, Placed, Ready, Refused, Starved, Stuck

__all__ = ["FakeBackend"]


def died(worker: int, counts: bool = True) -> Died:
    return Died(worker, "a worker ended with exit code 7", "see the system's log", counts)


class FakeBackend:
    """Workers that do what the names of their tasks begin with, one task a tick, the first that each holds.

    Args:
        spec: what each worker is.

    Attributes:
        now: the time, which passes as it is waited for.
        log: what was asked of the backend.
        running: worker -> the tasks that it holds.
        starts: worker -> what happens at its first, second, ... start; the last goes on.
    """

    def __init__(self, spec: WorkerSpec | None = None, **limits: float) -> None:
        self.spec = spec or WorkerSpec(object, Limits(task="case", loaded="bundle", **limits))
        self.now = 0.0
        self.log: list[tuple[str, object]] = []
        self.running: dict[int, deque[Task]] = {}
        self.starts: dict[int, list[str]] = {}
        self.most = 0
        self.closed = False
        self._coming: list[Event] = []
        self._started: dict[int, int] = {}
        self._once: set[str] = set()

    def start(self, worker: int) -> None:
        assert worker not in self.running and not self.closed
        self.log.append(("start", worker))
        self.running[worker] = deque()
        count = self._started[worker] = self._started.get(worker, 0) + 1
        plan = self.starts.get(worker, ["well"])
        what = plan[min(count, len(plan)) - 1]
        events = {
            "well": [Placed(worker), Ready(worker, 100)],
            "dies": [Placed(worker), died(worker)],
            "node": [Placed(worker), died(worker, False)],
            "starved": [Placed(worker), Starved(worker, "it is starved.")],
            "unusable": [Placed(worker), Refused(worker, "it is unusable.")],
            "hangs": [Placed(worker)],
            "waits": [],
        }
        self._coming += events[what]

    def submit(self, worker: int, task: Task) -> None:
        self.log.append(("submit", task.name))
        self.running[worker].append(task)
        assert len(self.running[worker]) <= self.spec.depth
        self.most = max(self.most, sum(map(len, self.running.values())))

    def wait(self, seconds: float) -> list[Event]:
        self.now += seconds
        events, self._coming = self._coming, []
        heard = {event.worker for event in events}
        for worker, tasks in self.running.items():
            if tasks and worker not in heard:
                events += self._do(worker, tasks)
        return events

    def _do(self, worker: int, tasks: deque[Task]) -> list[Event]:
        name = tasks[0].name
        what = name.partition("-")[0]
        if what in ("unlucky", "node") and name not in self._once:
            self._once.add(name)
            return [died(worker, counts=what != "node")]
        if any(task.name.startswith("deadly") for task in tasks):
            return [died(worker)]
        if what == "endless":
            return []
        if what in ("stuck", "huge", "full"):
            return [{"stuck": Stuck(worker, name), "huge": Outgrown(worker), "full": Refused(worker, "full.")}[what]]
        result = self.result_of(tasks.popleft())
        return [Done(worker, name, error="a bug.") if what == "wrong" else Done(worker, name, result)]

    def result_of(self, task: Task) -> Any:
        """Return what the call of a task would."""
        return task.name.upper()

    def kill(self, worker: int) -> None:
        self.log.append(("kill", worker))
        del self.running[worker]
        self._coming = [event for event in self._coming if event.worker != worker]

    def close(self) -> None:
        self.closed = True
        self.running.clear()

    def asked(self, what: str) -> list[object]:
        return [about for asked, about in self.log if asked == what]
