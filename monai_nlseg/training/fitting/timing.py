"""The time of a training step, measured by a few of them."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.data import DataLoader
from torch.utils.data import Subset

from monai_nlseg.quiet import exceptions_unlogged, infos_logged_to, notices_silenced
from monai_nlseg.training.cases.case import TrainingCase
from monai_nlseg.training.cases.datalist import write_datalist
from monai_nlseg.training.cases.splits import Fold, Split
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.fitting.fold import fold_workflow
from monai_nlseg.training.fitting.folder import RunFolder
from monai_nlseg.training.fitting.run import Run
from monai_nlseg.training.generated import write_bundle
from monai_nlseg.training.planning.plan import Plan
from monai_nlseg.training.planning.settings import Settings

ITERATIONS = 3
LONG = 100
"""Steps of the training of which the first few are measured; its schedule knows no fewer."""
CASES = 2
"""Number of cases that the steps read."""


def seconds_per_step(settings: Settings, found: Fingerprint) -> float:
    """Return the seconds of a training step on this machine, by a few steps of the training itself in a scratch folder.

    Reading the windows and changing them at random is included, reading the files is not: a training keeps them in
    memory.

    Args:
        settings: the settings; their schedule's length does not matter.
        found: the fingerprint.

    Raises:
        ValueError: for settings that do not fit the data.
    """
    cases = _typical(found)
    with tempfile.TemporaryDirectory(prefix="nlseg-") as scratch, notices_silenced(summaries=False):
        folder = RunFolder(Path(scratch))
        long = settings.schedule.model_copy(update={"iterations": LONG, "epoch": LONG})
        plan = Plan(found, settings.model_copy(update={"schedule": long}), {})
        write_bundle(folder.bundle, plan, "timing")
        split = Split((), (Fold(cases, cases[:1]),))
        write_datalist(folder.datalist, split)
        run = Run(folder, plan, split, "")
        with infos_logged_to(Path(scratch, "log.txt")), exceptions_unlogged():
            workflow = fold_workflow(run, 1, resume=False)
            workflow.initialize()
            trainer = workflow.parser.get_parsed_content("train#trainer")
            return iteration_seconds(trainer, workflow.parser.get_parsed_content("train#dataloader"), ITERATIONS + 1)


def _typical(found: Fingerprint) -> tuple[TrainingCase, ...]:
    """Return cases of about the median size."""
    voxels = np.array([np.prod(case.shape) for case in found.cases], float)
    nearest = np.argsort(np.abs(voxels - np.median(voxels)), kind="stable")[:CASES]
    return tuple(found.cases[index].case for index in sorted(nearest))


def iteration_seconds(trainer: Any, loader: DataLoader, iterations: int) -> float:
    """Return the mean time of a few iterations but the first, on cases that are cached as they will be.

    Args:
        trainer: a trainer that has not run, and will not be used for anything else.
        loader: its loader.
        iterations: number of iterations of the whole training.
    """
    count = min(ITERATIONS, iterations)
    indices = [index % min(CASES, len(loader.dataset)) for index in range(count * loader.batch_size)]
    trainer.data_loader = DataLoader(
        Subset(loader.dataset, indices), batch_size=loader.batch_size, collate_fn=loader.collate_fn
    )
    trainer.state.epoch_length = count + 1  # so that no epoch ends, and nothing is validated or written
    taken: list[float] = []
    begin = 0.0

    def start() -> None:
        nonlocal begin
        begin = time.perf_counter()

    def end(engine: Engine) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - begin)
        if len(taken) == count:
            engine.terminate()

    # Workers make a batch while the network computes.
    trainer.add_event_handler(Events.ITERATION_STARTED if loader.num_workers else Events.GET_BATCH_STARTED, start)
    trainer.add_event_handler(Events.ITERATION_COMPLETED, end)
    trainer.run()
    return statistics.mean(taken[1:] or taken)
