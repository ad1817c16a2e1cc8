"""Workers that are actors of a Ray cluster."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from monai_nlseg.errors import sentence
from monai_nlseg.jobs.backend import WorkerSpec
from monai_nlseg.jobs.events import Died, Event, Placed, Ready, Refused
from monai_nlseg.jobs.ray_actor import Actor, shared_token
from monai_nlseg.jobs.ray_cluster import capacity, cpus_of_worker, joined
from monai_nlseg.jobs.task import Task
from monai_nlseg.temporary import remove_free

PATIENCE = 900.0
"""Seconds without a worker: an autoscaler needs minutes to add a node."""
CLEAR_SECONDS = 10.0
"""Time in which the workers' temporary folders are removed."""

logger = logging.getLogger(__name__)


class RayBackend:
    """Workers that are actors of a Ray cluster.

    Tasks and what workers load go to other machines: their paths have to be absolute, and the same everywhere. A
        process that was given up may go on writing for a moment, so outputs have to be written under a unique name and
        then renamed, and be the same each time. At the end, Ray is shut down if it was started here; a cluster goes on.

    Args:
        spec: description of each worker.
        output: folder that all nodes share; None for a URL, which needs no such folder.
        address: address of the cluster, "host:port", or "auto" for the one that this machine is part of; None starts
            Ray here.
        workers: number of actors to make room for; None for as many as fit.
        processes: number of processes that a task consists of, each with CPUs and a GPU of its own.
        gpus_per_worker: GPUs of an actor, below 1 to share one; None for one per process if the cluster has any, else
            0.
        cpus_per_worker: CPUs of an actor; None for 4 per process, or fewer where all workers would not fit.
        patience: seconds to wait for room while there is no worker.

    Attributes:
        room: number of workers that the cluster has room for now.
        threads: number of threads that a worker's CPUs allow each process.

    Raises:
        ValueError: if a number is out of range, Ray is not installed, or there is no cluster at the address.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        output: Path | None,
        *,
        address: str | None = None,
        workers: int | None = None,
        processes: int = 1,
        gpus_per_worker: float | None = None,
        cpus_per_worker: float | None = None,
        patience: float = PATIENCE,
    ) -> None:
        _check(workers, gpus_per_worker, cpus_per_worker)
        self.spec = spec
        with ExitStack() as stack:
            self._ray = stack.enter_context(joined(address))
            if gpus_per_worker is None:
                gpus_per_worker = float(processes * (self._ray.cluster_resources().get("GPU", 0) > 0))
            if cpus_per_worker is None:
                cpus_per_worker = cpus_of_worker(self._ray, workers, gpus_per_worker, processes)
            self.room = capacity(self._ray, cpus_per_worker, gpus_per_worker)
            self.threads = max(1, int(cpus_per_worker / processes))
            self._token = None if output is None else stack.enter_context(shared_token(output))
            self._stack = stack.pop_all()
        self._needs = {"num_cpus": cpus_per_worker, "num_gpus": gpus_per_worker}
        self._patience = patience
        self._seats: dict[int, _Seat] = {}
        self._clearing: list[Any] = []
        self._manned, self._warned = time.monotonic(), False

    @property
    def shortage(self) -> str:
        """Return a clause that compares what a worker asks for with what the nodes have."""
        has = self._ray.cluster_resources()
        asked = " and ".join(f"{self._needs[f'num_{name.lower()}s']:g} {name}" for name in ("CPU", "GPU"))
        there = " and ".join(f"{has.get(name, 0):g} {name}" for name in ("CPU", "GPU"))
        return f"a worker takes {asked}, all nodes together have {there}"

    def start(self, worker: int) -> None:
        """Start an actor, as soon as there is room.

        Args:
            worker: number of the worker, which must have no actor.
        """
        # One thread more than tasks watches them, and another stays free. Spread out, workers use disks and memory of
        # all nodes.
        options = self._needs | {"max_concurrency": self.spec.depth + 2, "scheduling_strategy": "SPREAD"}
        actor = self._ray.remote(Actor).options(**options).remote(worker, self.spec)
        self._seats[worker] = _Seat(self._ray, worker, actor, self._token)

    def submit(self, worker: int, task: Task) -> None:
        """Send a task to the actor of a worker.

        Args:
            worker: number of the worker.
            task: task to run.
        """
        self._seats[worker].submit(task)

    def wait(self, seconds: float) -> list[Event]:
        """Return the events of all actors.

        Args:
            seconds: longest time to wait for the first event.

        Raises:
            ValueError: if there was no worker for ``patience`` seconds.
        """
        refs = [ref for seat in self._seats.values() for ref in seat.refs]
        events: list[Event] = []
        if refs:
            self._ray.wait(refs, num_returns=1, timeout=seconds)
            ready = set(self._ray.wait(refs, num_returns=len(refs), timeout=0)[0])
            events = [event for seat in self._seats.values() for event in seat.events(ready)]
        self._check_room()
        return events

    def kill(self, worker: int) -> None:
        """Kill the actor of a worker, and let its node remove what is in its temporary folder.

        Args:
            worker: number of the worker.
        """
        seat = self._seats.pop(worker)
        self._ray.kill(seat.actor)
        if seat.folder:
            from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

            there = NodeAffinitySchedulingStrategy(seat.node, soft=False)
            clear = self._ray.remote(remove_free).options(num_cpus=0, max_retries=0, scheduling_strategy=there)
            self._clearing.append(clear.remote(Path(seat.folder), CLEAR_SECONDS))

    def close(self) -> None:
        """End all actors, remove their temporary folders, and leave the cluster."""
        with self._stack:
            for worker in [worker for worker, seat in self._seats.items() if not seat.idle]:
                self.kill(worker)
            leaving = [seat.actor.leave.remote() for seat in self._seats.values()]
            if refs := leaving + self._clearing:
                self._ray.wait(refs, num_returns=len(refs), timeout=CLEAR_SECONDS)
            for seat in self._seats.values():
                self._ray.kill(seat.actor)
            self._seats.clear()
            self._clearing.clear()

    def _check_room(self) -> None:
        """Stop waiting if there has been no worker for too long."""
        now = time.monotonic()
        if not self._seats or any(seat.node for seat in self._seats.values()):
            self._manned, self._warned = now, False
            return
        if now - self._manned > self._patience:
            raise ValueError(
                f"no worker was ready within {self._patience:g} s ({self.shortage}): ask for less per worker, add "
                "nodes, or wait until others have left the cluster."
            )
        if now - self._manned > self._patience / 20 and not self._warned:
            self._warned = True
            logger.warning("No worker is ready yet: %s.", self.shortage)


def _check(workers: int | None, gpus: float | None, cpus: float | None) -> None:
    for name, value in (("workers", workers), ("cpus_per_worker", cpus)):
        if value is not None and not value > 0:
            raise ValueError(f"{name} is {value}: give a number above 0.")
    if gpus is not None and not (0 <= gpus <= 1 or gpus > 1 and gpus == int(gpus)):
        raise ValueError(f"gpus_per_worker is {gpus}: give a share of a GPU between 0 and 1, or a whole number.")


class _Seat:
    """An actor seen from the driver: it is placed on a node, loads, and then takes tasks.

    Attributes:
        actor: Ray's handle.
        node: Ray's id of the node; empty until the actor is placed.
        folder: its temporary folder on the node; empty until then.
    """

    def __init__(self, ray: Any, worker: int, actor: Any, token: Path | None) -> None:
        self.actor, self.node, self.folder = actor, "", ""
        self._ray, self._worker, self._token = ray, worker, token
        self._host, self._ready = "", False
        self._placing = actor.place.remote()
        self._coming: list[Any] = []
        self._tasks: dict[Any, str] = {}

    @property
    def refs(self) -> list[Any]:
        """Return the references to wait for, in the order in which they are handled."""
        return [*self._tasks, *self._coming] if self.node else [self._placing]

    @property
    def idle(self) -> bool:
        """Return whether the actor is ready and holds no task."""
        return self._ready and not self._tasks

    def submit(self, task: Task) -> None:
        """Send a task to the actor, and count it as held."""
        self._tasks[self.actor.do.remote(task)] = task.name

    def events(self, refs: set[Any]) -> list[Event]:
        """Return the events, given the references that are ready; a death comes last, after what was done."""
        events: list[Event] = []
        death: Event | None = None
        for ref in [ref for ref in self.refs if ref in refs]:
            try:
                value = self._ray.get(ref)
            except self._ray.exceptions.RayTaskError as error:
                events.append(Refused(self._worker, sentence(error.cause)))
            except self._ray.exceptions.RayError as error:
                death = self._death(error)
            else:
                events.append(self._received(ref, value))
        return events if death is None else [*events, death]

    def _received(self, ref: Any, value: Any) -> Event:
        if ref == self._placing:
            self.node, self._host, self.folder = value
            self._coming = [self.actor.load.remote(self._token)]
            return Placed(self._worker)
        self._tasks.pop(ref, None)
        if ref in self._coming:
            self._coming.remove(ref)
        if isinstance(value, Ready):
            self._ready = True
            self._coming.append(self.actor.watch.remote())
        event: Event = value
        return event

    def _death(self, error: Any) -> Event:
        if getattr(error, "actor_init_failed", False):
            reason = sentence(ValueError(str(error).splitlines()[-1]))
            return Refused(
                self._worker, f"a worker cannot start ({reason}): install the same monai-nlseg on all nodes."
            )
        # For some seconds after a node is lost, Ray knows only that the worker does not answer.
        errors = self._ray.exceptions
        alive = not self.node or any(node["Alive"] for node in self._ray.nodes() if node["NodeID"] == self.node)
        lost = isinstance(error, (errors.ActorUnavailableError, errors.NodeDiedError)) or not alive
        how = f"a worker ended on node '{self._host}'" if self._host else "a worker ended"
        return Died(self._worker, how, "see Ray's logs there", not lost)
