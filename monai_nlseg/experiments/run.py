"""Run an experiment: what is done is skipped, what fails is told, nothing is lost."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from monai_nlseg.bundle import require_choice
from monai_nlseg.cohort.bundle_identity import software_versions
from monai_nlseg.cohort.worker import refused
from monai_nlseg.evaluation.cohort import available_cpus
from monai_nlseg.experiments.evaluation import result_path
from monai_nlseg.experiments.execute import Resources
from monai_nlseg.experiments.local import run_locally
from monai_nlseg.experiments.plan import RunSpec, make_plan
from monai_nlseg.experiments.read import experiment_of
from monai_nlseg.experiments.records import DONE, read_record
from monai_nlseg.experiments.tracking import require_tracking
from monai_nlseg.experiments.training import EPOCHS, TRAINED, WEIGHTS
from monai_nlseg.experiments.workflow import SPEC
from monai_nlseg.files import remove_leftovers, written_beside
from monai_nlseg.machine import machine

__all__ = ["RECORD", "Event", "Options", "open_runs", "run_experiment"]

logger = logging.getLogger(__name__)

RECORD = "experiment.json"


@dataclass(frozen=True)
class Options:
    """How the runs are done.

    Attributes:
        runner: "local", processes of this machine, or "ray".
        jobs: runs at a time; of Ray, None for as many as the cluster has room for.
        processes: that train one network together, by torchrun, one a GPU.
        address: of a Ray cluster; None starts Ray here.
        tracking: "tensorboard", "mlflow", or "" for none.
        weights_kept: whether weights stay after the evaluation.

    Raises:
        ValueError: for a runner of another name, an address without Ray, or numbers below 1.
    """

    runner: str = "local"
    jobs: int | None = None
    processes: int = 1
    address: str | None = None
    tracking: str = ""
    weights_kept: bool = True

    def __post_init__(self) -> None:
        require_choice("runner", self.runner, dict.fromkeys(("local", "ray")))
        if self.runner == "local" and self.address is not None:
            raise ValueError("address is Ray's: give runner ray, too.")
        for name in ("jobs", "processes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}: give a whole number of at least 1.")

    @property
    def resources(self) -> Resources:
        """Of each run on this machine."""
        share = max(1, available_cpus() // ((self.jobs or 1) * self.processes))
        given = os.environ.get("OMP_NUM_THREADS", "")
        return Resources(int(given) if given.isdigit() else share, self.processes, self.tracking)


@dataclass(frozen=True)
class Event:
    """What has come of a run, or how far all have come.

    Attributes:
        run: the run that has ended; None if this only tells of progress.
        error: why it failed.
        done: how much of all runs is done, in runs.
        total: number of runs.
    """

    run: RunSpec | None
    error: str | None
    done: float
    total: int


def run_experiment(
    content: Mapping[str, Any],
    data: str | Path,
    output: str | Path,
    options: Options = Options(),
    overrides: Mapping[str, Any] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Do the runs of an experiment that are not done, and go on with those that were interrupted.

    Args:
        content: of the experiment's file.
        data: folder of the data set.
        output: folder of the experiment; of no other at the same time.
        options: how.
        overrides: config id -> value on top, see :func:`make_plan`.
        stopped: once it says True, runs in flight are ended; they go on from their last checkpoint the next time.

    Yields:
        An event for each run that ends, and about every second.

    Raises:
        ValueError: for what :func:`make_plan` and :func:`require_tracking` refuse, a folder that is in use or cannot be
            written, or one with runs of other settings.
    """
    require_tracking(options.tracking)
    folder = Path(output)
    specs = make_plan(experiment_of(content), data, folder, overrides)
    with _alone_in(folder):
        todo = open_runs(specs)
        _record(folder, content, data, options, overrides or {}, specs)
        for spec in todo:
            spec.path.mkdir(parents=True, exist_ok=True)
            with written_beside(spec.path / SPEC) as beside:
                spec.write(beside)
        running = {spec.folder for spec in todo}
        done = [spec for spec in specs if spec.folder not in running]
        _tidy(done, options)
        with closing(_runner(todo, options, stopped)) as runs:
            for ended in runs:
                run, error = ended or (None, None)
                if run is not None:
                    running.discard(run.folder)
                    if error is None:
                        done.append(run)
                        _tidy([run], options)
                part = sum(_share(Path(each)) for each in running)
                yield Event(run, error, len(done) + part, len(specs))


def open_runs(specs: list[RunSpec]) -> list[RunSpec]:
    """The runs that are not done, or lack one of the inference's variants.

    Raises:
        ValueError: if a folder holds a run of other settings or a damaged record, or weights to be evaluated are gone.
    """
    return [spec for spec in specs if not _is_done(spec)]


def _is_done(spec: RunSpec) -> bool:
    begun, trained = read_record(spec.path / SPEC), read_record(spec.path / TRAINED)
    for record in (begun, trained):
        if record is not None and record.get("digest") != spec.digest:
            raise _other(spec)
    if trained is None:
        read_record(spec.path / EPOCHS)  # which the training reads
        return False
    done = (read_record(spec.path / DONE) or {}).get("results", {})
    results = {variant: read_record(result_path(spec, variant)) or done.get(variant) for variant in spec.inference}
    for variant, result in results.items():
        if result is not None and result.get("digest") != spec.variant_digest(variant):
            raise _other(spec)
    if None in results.values() and not (spec.path / WEIGHTS).is_file():
        raise ValueError(
            f"'{spec.folder}' lacks a result of {spec.name}, and its weights were not kept: remove the folder to train "
            "it anew."
        )
    return set(spec.inference) <= set(done)


def _other(spec: RunSpec) -> ValueError:
    return ValueError(
        f"'{spec.folder}' holds a run of {spec.name} with other settings, data or another version of the bundle: give "
        "another --output, or remove that folder."
    )


def _runner(
    todo: list[RunSpec], options: Options, stopped: Callable[[], bool]
) -> Generator[tuple[RunSpec, str | None] | None, None, None]:
    if options.runner == "ray":
        from monai_nlseg.experiments.ray_runner import run_on_ray

        return run_on_ray(todo, options, stopped)
    return run_locally(todo, options.jobs or 1, options.resources, stopped)


def _tidy(done: Sequence[RunSpec], options: Options) -> None:
    for spec in done:
        if not options.weights_kept:
            (spec.path / WEIGHTS).unlink(missing_ok=True)


def _share(folder: Path) -> float:
    """How much of a run is done, by its epochs; the evaluation counts as one."""
    epochs = read_record(folder / EPOCHS)
    return len(epochs["epochs"]) / (epochs["total"] + 1) if epochs else 0.0


def _record(
    folder: Path,
    content: Mapping[str, Any],
    data: str | Path,
    options: Options,
    overrides: Mapping[str, Any],
    specs: Sequence[RunSpec],
) -> None:
    earlier = read_record(folder / RECORD) or {}
    where = str(Path(data).absolute())
    if earlier.get("data", where) != where:  # cases are known by their names, which other data may have, too
        logger.warning(f"'{folder}' was begun with '{earlier['data']}': '{where}' must be the same data, moved.")
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    about = {
        "experiment": content,
        "data": where,
        "overrides": dict(overrides),
        "options": vars(options),
        "folds": list(dict.fromkeys(spec.fold for spec in specs)),
        "software": software_versions(),
        "machine": machine(),
        "started": earlier.get("started", now),
    }
    with written_beside(folder / RECORD) as beside:
        beside.write_text(json.dumps(about, indent=1), encoding="utf-8")


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=0):
            remove_leftovers(folder)
            yield
    except Timeout:
        raise ValueError(f"another run is at work in '{folder}': wait for its end, or give another folder.") from None
    except FileExistsError:
        raise ValueError(f"--output '{folder}' is a file: give a folder.") from None
    except OSError as error:
        raise ValueError(refused(error)) from None
