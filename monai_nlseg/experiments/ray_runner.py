"""Runs on the nodes of a Ray cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_nlseg.cohort.plan import CORES_A_WORKER
from monai_nlseg.cohort.ray_actor import require_shared, shared_token
from monai_nlseg.cohort.ray_cluster import capacity, joined
from monai_nlseg.errors import sentence
from monai_nlseg.experiments.execute import Resources, execute
from monai_nlseg.experiments.plan import RunSpec

if TYPE_CHECKING:
    from monai_nlseg.experiments.run import Options

__all__ = ["run_on_ray"]

RETRIES = 3
"""So often Ray begins a run anew, elsewhere, whose node or process it has lost."""
POLL_SECONDS = 1.0
GRACE_SECONDS = 30.0
"""In which tasks that are cancelled end."""


def run_on_ray(
    specs: Sequence[RunSpec], options: Options, stopped: Callable[[], bool]
) -> Generator[tuple[RunSpec, str | None] | None, None, None]:
    """Do runs as tasks of a Ray cluster, each on a node that has room, as many at a time as there is room for.

    A run whose node is lost is begun elsewhere, where it goes on from its last checkpoint. The output folder, the data,
    the bundle and this package have to be the same on all nodes, under the same paths.

    Args:
        specs: the runs; their folders hold their ``spec.json``.
        options: ``address``, ``jobs`` and ``processes``. A run takes as many GPUs as processes where the cluster has
            GPUs, and up to four CPUs a process.
        stopped: once it says True, the runs in flight are ended and no other is begun.

    Yields:
        Each run as it ends, with why it failed or None; and None about every second, for whoever shows progress. Closed
        early, it ends the runs in flight.

    Raises:
        ValueError: if Ray is not installed, there is no cluster at the address, no node has room for a run, or a node
            does not share the output folder.
    """
    if not specs:
        return
    with ExitStack() as stack:
        ray = stack.enter_context(joined(options.address))
        resources, needs = _resources(ray, options)
        token = stack.enter_context(shared_token(specs[0].path.parents[2]))
        # Spread out, runs use the disks and memory of all nodes.
        task = ray.remote(_execute).options(**needs, max_retries=RETRIES, scheduling_strategy="SPREAD")
        waiting, running = deque(specs), dict[Any, RunSpec]()
        stack.callback(_cancel, ray, running)
        while running or (waiting and not stopped()):
            while waiting and len(running) < (options.jobs or len(specs)) and not stopped():
                spec = waiting.popleft()
                running[task.remote(spec.folder, resources, token)] = spec
            ended, _ = ray.wait(list(running), timeout=POLL_SECONDS)
            for ref in ended:
                yield running.pop(ref), _error_of(ray, ref)
            if stopped():
                return
            yield None


def _execute(folder: str, resources: Resources, token: Path) -> str | None:
    """On a node."""
    require_shared(token)
    return execute(folder, resources)


def _resources(ray: Any, options: Options) -> tuple[Resources, dict[str, float]]:
    """Of a run, and what Ray is asked for: as many threads as a process uses well, if all jobs then find room."""
    gpus = options.processes if ray.cluster_resources().get("GPU") else 0
    fitting = [
        threads
        for threads in range(1, CORES_A_WORKER + 1)
        if capacity(ray, threads * options.processes, gpus) >= (options.jobs or 1)
    ]
    threads = max(fitting, default=1)
    cpus = threads * options.processes
    if not capacity(ray, cpus, gpus):
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        there = " and ".join(f"{max(node.get(name, 0) for node in nodes):g} {name}" for name in ("CPU", "GPU"))
        raise ValueError(
            f"a run of {options.processes} processes takes {cpus} CPU and {gpus} GPU, but a node has at most {there}: "
            "give fewer --processes, or add a larger node."
        )
    return Resources(threads, options.processes, options.tracking), {"num_cpus": cpus, "num_gpus": gpus}


def _error_of(ray: Any, ref: Any) -> str | None:
    """Why a run that has ended failed."""
    try:
        return ray.get(ref)
    except ray.exceptions.RayTaskError as error:
        raise ValueError(sentence(error.cause)) from None
    except ray.exceptions.RayError as error:
        times = f"{RETRIES + 1} times ({type(error).__name__})"
        return f"Ray lost the node or process of the run {times}, as when memory runs out: see Ray's logs."


def _cancel(ray: Any, running: dict[Any, RunSpec]) -> None:
    """End what is in flight: with the process of a task ends what the run's reads, and so the run's."""
    for ref in running:
        ray.cancel(ref, force=True)
    if running:
        ray.wait(list(running), num_returns=len(running), timeout=GRACE_SECONDS)
