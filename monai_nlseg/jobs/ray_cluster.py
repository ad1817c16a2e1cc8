"""Ray itself: started here, or a cluster that is joined."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from monai.utils import optional_import

from monai_nlseg.cores import CORES_A_WORKER

STORE = 100 << 20
"""Bytes of Ray's object store; results need next to none of it."""
CONNECT = 10.0
"""Seconds in which the head of a cluster has to answer; Ray itself tries for minutes."""


@contextmanager
def joined(address: str | None) -> Iterator[Any]:
    """Connect to Ray and yield its module; at the end shut it down, unless it was connected before.

    Args:
        address: address of the cluster, "host:port", or "auto" for the one that this machine is part of; None starts
            Ray here.

    Raises:
        ValueError: if Ray is not installed, or there is no cluster at the address.
    """
    ray, found = optional_import("ray")
    if not found:
        raise ValueError("the runner 'ray' needs Ray, which is not installed: pip install 'monai-nlseg[ray]'.")
    if ray.is_initialized():
        yield ray
        return
    if address is None:
        # Nothing about a run leaves the machine, and nothing is served.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        here = {"include_dashboard": False, "object_store_memory": STORE}
        ray.init("local", log_to_driver=False, logging_level=logging.ERROR, **here)
    else:
        _join(ray, address)
    try:
        yield ray
    finally:
        ray.shutdown()


def _join(ray: Any, address: str) -> None:
    given = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    host, colon, port = given.rpartition(":")
    try:
        if colon and port.isdigit():
            socket.create_connection((host, int(port)), CONNECT).close()
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        if "AuthToken" in str(error):
            raise ValueError(
                f"the Ray cluster at '{given}' asks for its token: set RAY_AUTH_MODE=token, with the cluster's "
                "~/.ray/auth_token on this machine."
            ) from None
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise ValueError(
            f"there is no Ray cluster to join at '{given}' ({reason}): start one with `ray start --head` and give "
            "host:port of its head, or leave the address out to use this machine alone."
        ) from None


def cpus_of_worker(ray: Any, workers: int | None, gpus: float, processes: int = 1) -> int:
    """Return the number of CPUs that a worker uses well and that leaves room for all workers; at least 1 per process.

    Args:
        ray: the module, connected to a cluster.
        workers: number of workers; None for one.
        gpus: number of GPUs per worker.
        processes: number of processes per worker.
    """
    each = range(1, CORES_A_WORKER + 1)
    fitting = [cpus for cpus in each if capacity(ray, cpus * processes, gpus) >= (workers or 1)]
    return processes * max(fitting, default=1)


def capacity(ray: Any, cpus: float, gpus: float) -> int:
    """Return the number of actors that the nodes have room for.

    Args:
        ray: the module, connected to a cluster.
        cpus: number of CPUs per actor.
        gpus: number of GPUs per actor.
    """
    total = 0
    for node in ray.nodes():
        if node["Alive"]:
            has = node["Resources"]
            total += int(min(has.get(name, 0) / need for name, need in (("CPU", cpus), ("GPU", gpus)) if need))
    return total
