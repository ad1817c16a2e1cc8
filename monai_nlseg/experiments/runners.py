"""The runners of an experiment: this machine, or a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial

from monai_nlseg.experiments.execute import Resources, execute
from monai_nlseg.experiments.options import Options
from monai_nlseg.experiments.run_spec import RunSpec
from monai_nlseg.jobs import Backend, Dispatcher, Limits, Place, Task, WorkerSpec
from monai_nlseg.jobs.gpus import visible_gpus
from monai_nlseg.jobs.ray import RayBackend
from monai_nlseg.jobs.threads import ThreadBackend

TICK = 1.0
"""Seconds between two signs of progress."""


def do_runs(
    specs: Sequence[RunSpec], options: Options, stopped: Callable[[], bool]
) -> Generator[tuple[RunSpec, str | None] | None, None, None]:
    """Do runs, each in processes of its own, as many at a time as the options say.

    On Ray a run takes as many GPUs as processes where the cluster has GPUs, and up to four CPUs per process. A run
    whose node is lost is begun elsewhere, where it goes on from its last checkpoint. The output folder, the data, the
    bundle and this package have to be the same on all nodes, under the same paths.

    Args:
        specs: the runs; their folders hold their ``spec.json``.
        options: how they are done.
        stopped: once it returns True, the runs in flight are ended and no other is begun.

    Yields:
        Each run as it ends, with the reason if it failed, or None; and None about every second, for whoever shows
        progress. Closed early, it ends the runs in flight.

    Raises:
        ValueError: if there are too few GPUs for a run, Ray is not installed, there is no cluster at the address, no
            node has room for a run, or a node does not share the output folder.
    """
    if not specs:
        return
    by_name = {spec.name: spec for spec in specs}
    backend, workers, resources = _backend(specs, options)
    tasks = [Task(spec.name, partial(_execute, spec.folder, resources)) for spec in specs]
    with Dispatcher(backend, TICK) as dispatcher, closing(dispatcher.run(tasks, workers, stopped)) as outcomes:
        yield None
        for outcome in outcomes:
            if outcome is not None:
                yield by_name[outcome.name], outcome.error or outcome.result
            elif stopped():
                return
            else:
                yield None


def _backend(specs: Sequence[RunSpec], options: Options) -> tuple[Backend, int, Resources]:
    """Return the backend, the largest number of runs at a time, and what each may use."""
    spec = WorkerSpec(_place, Limits(task="run", loaded="program"), depth=1)
    if options.runner == "local":
        gpus = visible_gpus()
        if gpus and options.processes > len(gpus):
            raise ValueError(
                f"--processes {options.processes} needs as many GPUs, and there are {len(gpus)}: give fewer."
            )
        return ThreadBackend(spec, gpus, options.processes), options.jobs or 1, options.resources
    output = specs[0].path.parents[2]
    backend = RayBackend(spec, output, address=options.address, workers=options.jobs, processes=options.processes)
    if not backend.room:
        shortage = backend.shortage
        backend.close()
        raise ValueError(
            f"no node has room for a run of {options.processes} processes ({shortage}): give fewer "
            "--processes, or add a larger node."
        )
    resources = Resources(backend.threads, options.processes, options.tracking)
    return backend, options.jobs or len(specs), resources


def _place(place: Place) -> Place:
    return place


def _execute(folder: str, resources: Resources, place: Place) -> str | None:
    return execute(folder, replace(resources, gpus=place.gpus), place.ended)
