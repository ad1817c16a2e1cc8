"""The policy of all backends: which task a worker gets next, and what happens when a worker is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field

from monai_nlseg.jobs.backend import Backend
from monai_nlseg.jobs.events import Died, Done, Event, Outgrown, Placed, Ready, Refused, Starved, Stuck
from monai_nlseg.jobs.queue import Fault, TaskQueue
from monai_nlseg.jobs.starts import Starts
from monai_nlseg.jobs.task import Outcome, Task

TICK = 0.2
"""Seconds between two checks of the limits."""


@dataclass
class _Worker:
    """State of a worker."""

    placed: bool = False
    ready: bool = False
    held: dict[str, Task] = field(default_factory=dict)
    alone: bool = False
    since: float = 0.0


class Dispatcher:
    """Workers of a backend, and the tasks that they get.

    A worker that is free gets the next task. One that dies or exceeds a limit is replaced, and its tasks are tried
    again, see :class:`monai_nlseg.jobs.queue.TaskQueue`. Workers stay from one :meth:`run` to the next, and so does
    what is known of a task by its name. As a context manager, it ends all workers at the end.

    Args:
        backend: the object that starts and ends the workers.
        tick: seconds between two checks of the workers.
        clock: returns the time in seconds.
    """

    def __init__(self, backend: Backend, tick: float = TICK, clock: Callable[[], float] = time.monotonic) -> None:
        self._backend, self._tick, self._clock = backend, tick, clock
        self._limits = backend.spec.limits
        self._queue = TaskQueue(backend.spec.depth)
        self._starts = Starts()
        self._workers: dict[int, _Worker] = {}

    def __enter__(self) -> Dispatcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._workers.clear()
        self._backend.close()

    def start(self, workers: int) -> None:
        """Start this many workers before there are tasks for them."""
        self._restock(workers, workers)

    def run(
        self, tasks: Sequence[Task], workers: int, stopped: Callable[[], bool] = lambda: False
    ) -> Generator[Outcome | None, None, None]:
        """Run tasks on workers, and yield the outcome of each as it ends.

        Args:
            tasks: tasks in the order in which they are begun.
            workers: number of workers; no more are started than there are tasks.
            stopped: called before each task; if it returns True, those in flight end and no other begins.

        Yields:
            The outcome of each task, and None after each check of the workers, so that a caller can show progress. If
            the iterator is closed early, the workers that hold tasks end.

        Raises:
            ValueError: if there are tasks for no workers, a worker says that the run cannot go on, no worker can be
                started, or each takes more memory than the limit before its first task.
        """
        if tasks and workers < 1:
            raise ValueError(f"{len(tasks)} tasks cannot be done by {workers} workers: give at least 1.")
        self._queue.put(tasks)
        self._starts = Starts()  # otherwise all workers of a smaller run could be given up already
        try:
            while True:
                going_on = not stopped()
                if going_on:
                    self._restock(workers, len(self._queue))
                    self._deal()
                if not any(worker.held for worker in self._workers.values()) and not (going_on and self._queue):
                    return
                events = self._backend.wait(self._tick)
                # Before outcomes are yielded: what the caller does with them is not a task's time.
                now = self._clock()
                for event in events:
                    yield from self._heard(event, workers, now)
                for number, worker in list(self._workers.items()):
                    if fault := self._late(worker, now):
                        yield from self._lost(number, fault, workers)
                yield None
        finally:
            self._queue.clear()
            for number in [number for number, worker in self._workers.items() if worker.held]:
                self._end(number)

    def _restock(self, workers: int, waiting: int) -> None:
        """Start the workers that are missing, if tasks wait for them."""
        free = sum(not worker.held for worker in self._workers.values())
        for number in range(workers):
            if free < waiting and number not in self._workers and not self._starts.given_up(number):
                self._backend.start(number)
                self._workers[number] = _Worker()
                free += 1

    def _deal(self) -> None:
        """Hand out the tasks that are due."""
        for number, worker in self._workers.items():
            while worker.ready and (dealt := self._queue.deal(len(worker.held), worker.alone)):
                task, worker.alone = dealt
                if not worker.held:
                    worker.since = self._clock()
                worker.held[task.name] = task
                self._backend.submit(number, task)

    def _heard(self, event: Event, workers: int, now: float) -> Iterator[Outcome]:
        """Act on an event, and yield the outcomes that follow."""
        number = event.worker
        worker = self._workers.get(number)
        if worker is None:  # it was lost by an earlier event
            return
        if isinstance(event, Placed):
            worker.placed, worker.since = True, now
        elif isinstance(event, Ready):
            self._limits.require_room(event.memory)
            self._starts.succeeded(number)
            worker.placed, worker.ready, worker.since = True, True, now
        elif isinstance(event, Done):
            del worker.held[event.task]
            worker.since = now
            yield Outcome(event.task, event.result, event.error, self._queue.attempt(event.task))
        elif isinstance(event, Refused):
            raise ValueError(event.reason)
        else:
            yield from self._lost(number, self._fault_of(event, worker), workers)

    def _fault_of(self, event: Event, worker: _Worker) -> Fault:
        if isinstance(event, Stuck):
            return self._limits.reading_fault(event.task)
        if isinstance(event, Outgrown):
            return self._limits.memory_fault()
        if isinstance(event, Starved):
            return Fault(event.reason)
        assert isinstance(event, Died)
        return self._limits.death(event.how, event.see, not worker.ready, event.counts)

    def _late(self, worker: _Worker, now: float) -> Fault | None:
        """Return the fault of a worker that has been silent for longer than the limits allow, or None."""
        waited = now - worker.since
        if not worker.ready:
            return self._limits.load_fault() if worker.placed and waited > self._limits.load_seconds else None
        seconds = self._limits.seconds
        return self._limits.time_fault() if worker.held and seconds is not None and waited > seconds else None

    def _lost(self, number: int, fault: Fault, workers: int) -> Iterator[Outcome]:
        """End a worker, and yield the outcomes of the tasks that are at fault."""
        worker = self._end(number)
        if not worker.ready:
            if fault.times:
                self._starts.failed(number, workers, fault.text)
            return
        for task in self._queue.lost(list(worker.held.values()), fault):
            yield Outcome(task.name, error=fault.text, attempt=self._queue.attempt(task.name))

    def _end(self, number: int) -> _Worker:
        self._backend.kill(number)
        return self._workers.pop(number)
