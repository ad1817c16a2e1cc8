"""Workers as actors of a Ray cluster."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_nlseg.cohort.cases import Case
from monai_nlseg.cohort.process import DEPTH, memory_fault, time_fault
from monai_nlseg.cohort.ray_actor import Actor, CaseWorker, shared_token
from monai_nlseg.cohort.ray_cluster import capacity, cpus_of_worker, joined
from monai_nlseg.cohort.records import Record
from monai_nlseg.cohort.worker import OutputRefused
from monai_nlseg.errors import sentence

__all__ = ["run_ray"]

DEATHS = 3
"""So often a case loses its worker until it is at fault; from the second time on it is alone there."""
TICK = 0.2
"""Seconds between two looks at the limits."""
PATIENCE = 900.0
"""Seconds without a worker: an autoscaler needs minutes to add a node."""

logger = logging.getLogger(__name__)


def run_ray(
    cases: Sequence[Case],
    make_worker: Callable[[int], CaseWorker],
    output: Path | None,
    *,
    seconds: float | None = None,
    memory: int | None = None,
    workers: int | None = None,
    address: str | None = None,
    gpus_per_worker: float | None = None,
    cpus_per_worker: float | None = None,
    stopped: Callable[[], bool] = lambda: False,
    patience: float = PATIENCE,
) -> Iterator[Record]:
    """Process cases in actors of a Ray cluster and yield a record of each as it ends.

    Whichever worker is free gets the next case. A worker that dies or passes a limit is replaced, where there is room.
    The cases it held are tried again, each alone with a worker, so that the one at fault is known; the loss of a node
    is the fault of none.

    Cases and ``make_worker`` go to other machines: their paths have to be absolute, and the same everywhere. A process
    that was given up may for a moment go on writing, so outputs have to be renamed into place from a name that is its
    own, and be the same each time. Ray that was started here is shut down at the end, a cluster goes on.

    Args:
        cases: in the order in which they are begun.
        make_worker: picklable; given the threads of its network, loads the bundle, once in each actor.
        output: folder that all nodes share; None for a URL, which needs no such folder.
        seconds: limit of a case, None for none.
        memory: limit of a worker in bytes, None for none.
        workers: number of actors; None for as many as the cluster has room for now.
        address: of the cluster, "host:port", or "auto" for the one that this machine is part of; None starts Ray here.
        gpus_per_worker: GPUs of an actor, below 1 to share one; None for 1 where the cluster has any, else 0.
        cpus_per_worker: CPUs of an actor, which are the threads of its network; None for 4, or a share of those there
            are.
        stopped: asked before a case is begun; True lets those in flight end and begins no other.
        patience: seconds to wait while there is no worker, for want of room.

    Raises:
        ValueError: if a number is out of range, Ray is not installed, there is no cluster at the address, no node has
            room for a worker, a worker cannot load the bundle, or a node does not share ``output``.
    """
    _check(workers, gpus_per_worker, cpus_per_worker)
    if not cases:
        return
    with ExitStack() as stack:
        ray = stack.enter_context(joined(address))
        if gpus_per_worker is None:
            gpus_per_worker = float(ray.cluster_resources().get("GPU", 0) > 0)
        if cpus_per_worker is None:
            cpus_per_worker = cpus_of_worker(ray, workers, gpus_per_worker)
        room = max(1, capacity(ray, cpus_per_worker, gpus_per_worker))
        token = None if output is None else stack.enter_context(shared_token(output))
        needs = {"num_cpus": cpus_per_worker, "num_gpus": gpus_per_worker}
        pool = _Pool(ray, needs, (make_worker, token, max(1, int(cpus_per_worker))), _Limits(seconds, memory, patience))
        stack.callback(pool.stop)
        yield from pool.run(cases, min(len(cases), workers or room), stopped)


def _check(workers: int | None, gpus: float | None, cpus: float | None) -> None:
    for name, value in (("workers", workers), ("cpus_per_worker", cpus)):
        if value is not None and not value > 0:
            raise ValueError(f"{name} is {value}: give a number above 0.")
    if gpus is not None and not (0 <= gpus <= 1 or gpus > 1 and gpus == int(gpus)):
        raise ValueError(f"gpus_per_worker is {gpus}: give a share of a GPU between 0 and 1, or a whole number.")


@dataclass(frozen=True)
class _Limits:
    seconds: float | None
    memory: int | None
    patience: float


@dataclass(frozen=True)
class _Fault:
    """Why a worker has to be replaced, and after how many times that is the fault of a case: None for never."""

    text: str
    times: int | None


class _Pool:
    """The workers, and the cases that wait for them."""

    def __init__(self, ray: Any, needs: dict[str, float], loading: tuple[Any, ...], limits: _Limits) -> None:
        self.ray, self.needs, self.loading, self.limits = ray, needs, loading, limits
        # One thread more than cases watches the memory. Spread out, workers use the disks and memory of all nodes.
        self.actors = ray.remote(Actor).options(**needs, max_concurrency=DEPTH + 1, scheduling_strategy="SPREAD")
        self.waiting, self.alone = deque[Case](), deque[Case]()
        self.attempts, self.faults, self.failed_starts = Counter[str](), Counter[str](), 0
        self.seats: list[_Seat] = []
        self.manned, self.warned = time.monotonic(), False

    def run(self, cases: Sequence[Case], workers: int, stopped: Callable[[], bool]) -> Iterator[Record]:
        self.waiting.extend(cases)
        self.seats = [self._seat() for _ in range(workers)]
        while True:
            begin = not stopped()
            if begin:
                for seat in self.seats:
                    seat.fill(self.waiting, self.alone)
            if not any(seat.flying for seat in self.seats) and not (begin and (self.waiting or self.alone)):
                return
            refs = [ref for seat in self.seats for ref in seat.refs]
            self.ray.wait(refs, num_returns=1, timeout=TICK)
            ready = set(self.ray.wait(refs, num_returns=len(refs), timeout=0)[0])
            # Before the records are yielded: what the caller does with them is not a case's time.
            now = time.monotonic()
            for index, seat in enumerate(self.seats):
                fault = yield from seat.received(ready, now)
                if fault := fault or seat.late(now):
                    yield from self._lost(seat, fault)
                    self.seats[index] = self._seat()
            self._check_room(now)

    def stop(self) -> None:
        """End all workers."""
        for seat in self.seats:
            seat.stop()

    def _seat(self) -> _Seat:
        return _Seat(self.ray, self.actors.remote(), self.loading, self.limits, self.attempts)

    def _lost(self, seat: _Seat, fault: _Fault) -> Iterator[Record]:
        """What becomes of the cases of a worker that is replaced."""
        seat.stop()
        if not seat.ready:
            self.failed_starts += 1
            if self.failed_starts > DEATHS * len(self.seats):
                raise ValueError(
                    f"workers ended {self.failed_starts} times while they loaded the bundle: see Ray's logs, and start "
                    "fewer if memory ran out."
                )
        for case in seat.flying.values():
            self.faults[case.name] += fault.times is not None
            if fault.times and seat.single and self.faults[case.name] >= fault.times:
                yield Record(case=case.name, status="failed", error=fault.text, attempt=self.attempts[case.name])
            else:
                self.alone.append(case)

    def _check_room(self, now: float) -> None:
        """Do not wait for ever while no worker is there."""
        if any(seat.ready for seat in self.seats):
            self.manned, self.warned, self.failed_starts = now, False, 0
            return
        has = self.ray.cluster_resources()
        asked = " and ".join(f"{self.needs[f'num_{name.lower()}s']:g} {name}" for name in ("CPU", "GPU"))
        there = " and ".join(f"{has.get(name, 0):g} {name}" for name in ("CPU", "GPU"))
        shortage = f"a worker takes {asked}, all nodes together have {there}"
        if now - self.manned > self.limits.patience:
            raise ValueError(
                f"no worker was ready within {self.limits.patience:g} s ({shortage}): ask for less a worker, add "
                "nodes, or wait until others have left the cluster."
            )
        if now - self.manned > self.limits.patience / 20 and not self.warned:
            self.warned = True
            logger.warning("No worker is ready yet: %s.", shortage)


class _Seat:
    """A worker seen from the driver."""

    def __init__(self, ray: Any, actor: Any, loading: tuple[Any, ...], limits: _Limits, attempts: Counter[str]) -> None:
        self.ray, self.actor, self.limits, self.attempts = ray, actor, limits, attempts
        self.loading, self.outgrown = actor.load.remote(*loading), None
        self.node, self.host = "", ""
        self.flying: dict[Any, Case] = {}
        self.single, self.since = False, 0.0

    @property
    def ready(self) -> bool:
        """Whether the bundle is loaded."""
        return bool(self.node)

    @property
    def refs(self) -> list[Any]:
        """What is to come."""
        if not self.ready:
            return [self.loading]
        return [*self.flying, self.outgrown] if self.flying and self.outgrown else list(self.flying)

    def fill(self, waiting: deque[Case], alone: deque[Case]) -> None:
        """Send cases until there are ``DEPTH``; one of ``alone`` only if there is none, and then no other."""
        while self.ready and len(self.flying) < (1 if self.single else DEPTH):
            if not self.flying:
                self.since, self.single = time.monotonic(), bool(alone) or len(waiting) == 1
            source = (alone or waiting) if self.single else waiting
            if not source:
                return
            case = source.popleft()
            self.attempts[case.name] += 1
            self.flying[self.actor.process.remote(case)] = case

    def received(self, ready: set[Any], now: float) -> Generator[Record, None, _Fault | None]:
        """Yield the records that have come, and return what is wrong with the worker."""
        errors = self.ray.exceptions
        for ref in [ref for ref in self.refs if ref in ready]:
            try:
                value = self.ray.get(ref)
            except errors.RayTaskError as error:
                if ref not in self.flying or isinstance(error.cause, OutputRefused):
                    raise ValueError(sentence(error.cause)) from None
                value = Record(case=self.flying[ref].name, status="failed", error=sentence(error.cause))
            except errors.RayError as error:
                return self._death(error)
            self.since = now
            if ref in self.flying:
                value["attempt"] = self.attempts[self.flying.pop(ref).name]
                yield value
            elif ref == self.loading:
                self.node, self.host = value
                if self.limits.memory is not None:
                    self.outgrown = self.actor.outgrown.remote(self.limits.memory)
            else:
                return _Fault(memory_fault(self.limits.memory or 0), 1)
        return None

    def late(self, now: float) -> _Fault | None:
        """What is wrong if no record came for longer than a case may take."""
        seconds = self.limits.seconds
        if seconds is None or not self.flying or now - self.since <= seconds:
            return None
        return _Fault(time_fault(seconds), 1)

    def _death(self, error: Any) -> _Fault:
        errors = self.ray.exceptions
        if getattr(error, "actor_init_failed", False):
            raise ValueError(
                f"a worker cannot start ({sentence(ValueError(str(error).splitlines()[-1]))}): install the same "
                "monai-nlseg on all nodes."
            )
        # Of a node that has just gone Ray knows no more, for some seconds, than that the worker does not answer.
        alive = any(node["Alive"] for node in self.ray.nodes() if node["NodeID"] == self.node)
        lost = isinstance(error, (errors.ActorUnavailableError, errors.NodeDiedError)) or not alive
        text = f"{DEATHS} workers ended while they held the case, the last on node '{self.host}': see Ray's logs there."
        return _Fault(text, None if lost else DEATHS)

    def stop(self) -> None:
        """End the worker."""
        self.ray.kill(self.actor)
