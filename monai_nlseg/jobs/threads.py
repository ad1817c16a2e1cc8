"""Workers that are threads of this process, for tasks that do nothing but wait for a process of their own."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from queue import Empty, SimpleQueue

from monai_nlseg.jobs.backend import Place, WorkerSpec
from monai_nlseg.jobs.events import Event, Placed, Ready
from monai_nlseg.jobs.gpus import gpus_of
from monai_nlseg.jobs.task import Task
from monai_nlseg.jobs.work import Work


class ThreadBackend:
    """Workers that are threads of this process, one task at a time.

    One that is killed goes on until its task asks whether it is to end, see :class:`monai_nlseg.jobs.backend.Place`.
    Limits of memory and of reading are not watched.

    Args:
        spec: description of each worker.
        gpus: names of all GPUs.
        gpus_per_worker: number of GPUs for each worker, if there are any.
    """

    def __init__(self, spec: WorkerSpec, gpus: Sequence[str] = (), gpus_per_worker: int = 1) -> None:
        self.spec = spec
        self._gpus, self._gpus_per_worker = gpus, gpus_per_worker
        self._workers: dict[int, _Thread] = {}
        self._killed: list[_Thread] = []
        self._events: SimpleQueue[tuple[_Thread, Event]] = SimpleQueue()

    def start(self, worker: int) -> None:
        """Start a thread."""
        gpus = gpus_of(worker, self._gpus, self._gpus_per_worker)
        self._workers[worker] = _Thread(self.spec, worker, gpus, self._events)

    def submit(self, worker: int, task: Task) -> None:
        """Hand a task to a thread."""
        self._workers[worker].tasks.put(task)

    def wait(self, seconds: float) -> list[Event]:
        """Return the events since the last call."""
        try:
            said = [self._events.get(timeout=seconds)]
        except Empty:
            return []
        while not self._events.empty():
            said.append(self._events.get())
        return [event for thread, event in said if self._workers.get(event.worker) is thread]

    def kill(self, worker: int) -> None:
        """Ask a thread to end."""
        thread = self._workers.pop(worker)
        thread.end()
        self._killed.append(thread)

    def close(self) -> None:
        """End all threads, and wait for that."""
        for worker in list(self._workers):
            self.kill(worker)
        for thread in self._killed:
            thread.join()


class _Thread(threading.Thread):
    """A worker."""

    def __init__(
        self, spec: WorkerSpec, worker: int, gpus: tuple[str, ...], events: SimpleQueue[tuple[_Thread, Event]]
    ) -> None:
        super().__init__()
        self.tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._spec, self._worker, self._events = spec, worker, events
        self._ended = threading.Event()
        self._place = Place(gpus, self._ended.is_set)
        self.start()

    def run(self) -> None:
        """Do tasks as they come."""
        work = Work(self._worker, lambda task, begins: None)
        self._events.put((self, Placed(self._worker)))
        loaded = work.load(self._spec.load, self._place)
        self._events.put((self, loaded))
        while isinstance(loaded, Ready) and (task := self.tasks.get()) is not None:
            self._events.put((self, work.do(task)))

    def end(self) -> None:
        """Ask the thread to end."""
        self._ended.set()
        self.tasks.put(None)
