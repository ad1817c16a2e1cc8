"""Run an experiment: runs that are done are skipped, failures are reported, and no finished work is lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from monai_nlseg.bundle.identity import software_versions
from monai_nlseg.experiments.evaluation import result_path
from monai_nlseg.experiments.options import Options
from monai_nlseg.experiments.run_spec import DONE, RunSpec
from monai_nlseg.experiments.runners import do_runs
from monai_nlseg.experiments.runs import make_runs
from monai_nlseg.experiments.schema.read import experiment_of
from monai_nlseg.experiments.workflow import SPEC
from monai_nlseg.io.files import written_beside
from monai_nlseg.jobs.folder import one_run_in
from monai_nlseg.jobs.refusal import refused
from monai_nlseg.machine import machine
from monai_nlseg.training.fitting.model import EPOCHS, TRAINED, WEIGHTS
from monai_nlseg.training.fitting.run_files import read_run_file, write_run_file
from monai_nlseg.training.fitting.tracking import require_tracking

logger = logging.getLogger(__name__)

RECORD = "experiment.json"


@dataclass(frozen=True)
class Event:
    """The end of a run, or the progress of all.

    Attributes:
        run: the run that has ended; None if the event only reports progress.
        error: why it failed.
        done: number of runs that are done, with the fractions of those in flight.
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
    options: Options | None = None,
    overrides: Mapping[str, Any] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Do the runs of an experiment that are not done, and continue those that were interrupted.

    Args:
        content: content of the experiment's file.
        data: folder of the data set.
        output: folder of the experiment, which no other run may use at the same time.
        options: how the runs are done; None for the defaults.
        overrides: config id -> value, on top of the file's, see :func:`make_runs`.
        stopped: once it returns True, runs in flight are ended; they go on from their last checkpoint the next time.

    Yields:
        An event for each run that ends, and about every second.

    Raises:
        ValueError: for what :func:`make_runs` and :func:`require_tracking` refuse, a folder that is in use or cannot be
            written, or one that holds runs with other settings.
    """
    options = options or Options()
    require_tracking(options.tracking)
    folder = Path(output)
    specs = make_runs(experiment_of(content), data, folder, overrides)
    with _alone_in(folder):
        todo = open_runs(specs)
        about = _about(folder, content, data, options, overrides or {}, specs)
        for spec in todo:
            spec.path.mkdir(parents=True, exist_ok=True)
            with written_beside(spec.path / SPEC) as beside:
                spec.write(beside)
        running = {spec.folder for spec in todo}
        done = [spec for spec in specs if spec.folder not in running]
        _tidy(done, options)
        recorded = False
        with closing(do_runs(todo, options, stopped)) as runs:
            for ended in runs:
                if not recorded:  # the runner has not refused the call
                    write_run_file(folder / RECORD, about)
                    recorded = True
                run, error = ended or (None, None)
                if run is not None:
                    running.discard(run.folder)
                    if error is None:
                        done.append(run)
                        _tidy([run], options)
                part = sum(_share(Path(each)) for each in running)
                yield Event(run, error, len(done) + part, len(specs))
        if not recorded:
            write_run_file(folder / RECORD, about)


def open_runs(specs: list[RunSpec]) -> list[RunSpec]:
    """Return the runs that are not done, or lack one of the inference's variants.

    Args:
        specs: the runs of an experiment.

    Raises:
        ValueError: if a folder holds a run with other settings or a damaged record, or weights to be evaluated are
            gone.
    """
    return [spec for spec in specs if not _is_done(spec)]


def _is_done(spec: RunSpec) -> bool:
    begun, trained = read_run_file(spec.path / SPEC), read_run_file(spec.path / TRAINED)
    for record in (begun, trained):
        if record is not None and record.get("digest") != spec.digest:
            raise _other(spec)
    if trained is None:
        read_run_file(spec.path / EPOCHS)  # which the training reads
        return False
    done = (read_run_file(spec.path / DONE) or {}).get("results", {})
    results = {variant: read_run_file(result_path(spec, variant)) or done.get(variant) for variant in spec.inference}
    for variant, result in results.items():
        if result is not None and result.get("digest") != spec.variant_digest(variant):
            raise _other(spec)
    if None in results.values() and not (spec.path / WEIGHTS).is_file():
        raise ValueError(
            f"'{spec.folder}' lacks a result of {spec.name}, and its weights were not kept: remove the folder to train "
            "it again."
        )
    return set(spec.inference) <= set(done)


def _other(spec: RunSpec) -> ValueError:
    return ValueError(
        f"'{spec.folder}' holds a run of {spec.name} with other settings, data or another version of the bundle: give "
        "another --output, or remove that folder."
    )


def _tidy(done: Sequence[RunSpec], options: Options) -> None:
    for spec in done:
        if not options.weights_kept:
            (spec.path / WEIGHTS).unlink(missing_ok=True)


def _share(folder: Path) -> float:
    """Return the share of a run that is done, by its epochs; the evaluation counts as one."""
    epochs = read_run_file(folder / EPOCHS)
    return len(epochs["epochs"]) / (epochs["total"] + 1) if epochs else 0.0


def _about(
    folder: Path,
    content: Mapping[str, Any],
    data: str | Path,
    options: Options,
    overrides: Mapping[str, Any],
    specs: Sequence[RunSpec],
) -> dict[str, Any]:
    """Return the content of ``experiment.json``."""
    earlier = read_run_file(folder / RECORD) or {}
    where = str(Path(data).absolute())
    if earlier.get("data", where) != where:  # cases are known by their names, which other data may have, too
        logger.warning(f"'{folder}' was begun with '{earlier['data']}': '{where}' must be the same data, moved.")
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return {
        "experiment": content,
        "data": where,
        "overrides": dict(overrides),
        "options": vars(options),
        "folds": list(dict.fromkeys(spec.fold for spec in specs)),
        "software": software_versions(),
        "machine": machine(),
        "started": earlier.get("started", now),
    }


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder, and say in a sentence if it cannot be written to."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--output '{folder}' is a file: give a folder.")
    try:
        with one_run_in(folder):
            yield
    except OSError as error:
        raise ValueError(refused(error)) from None
