"""Train one model by a bundle's workflow, and go on where an interrupted training stopped."""

from __future__ import annotations

import logging
import shutil
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from monai_nlseg.bundle import Workflow, epoch_of, explained, is_checkpoint, latest_checkpoint, unusable_checkpoint
from monai_nlseg.errors import sentence
from monai_nlseg.handlers import EpochSeed
from monai_nlseg.io.files import written_beside
from monai_nlseg.training.fitting.clock import Clock
from monai_nlseg.training.fitting.processes import processes, rank
from monai_nlseg.training.fitting.run_files import write_run_file

logger = logging.getLogger(__name__)

TRAINED = "training.json"
WEIGHTS = "weights.pt"
EPOCHS = "epochs.json"
CURVE = "training_curve.csv"
SCRATCH = "training"


@dataclass(frozen=True)
class ModelTraining:
    """The training of one model in a folder of its own.

    Attributes:
        folder: folder of everything that the training writes.
        seed: seed of everything random.
        digest: digest of all that the weights depend on.
        chosen: "best" for the weights of the best validation, "last" for those of the last epoch.
        workflow: function of whether the training goes on from its last checkpoint, which returns the workflow of the
            training, not yet initialized. The workflow writes its checkpoints to :attr:`scratch`.
        follow: function that attaches handlers to the trainer of the workflow, which is initialized.
        derived: names of files and folders in ``folder`` that hold results of the weights.
        kept: names of files in :attr:`scratch` that are copied to ``folder`` at the end, if they are there.
    """

    folder: Path
    seed: int
    digest: str
    chosen: Literal["best", "last"]
    workflow: Callable[[bool], Workflow]
    follow: Callable[[Workflow], None] = lambda workflow: None
    derived: tuple[str, ...] = ()
    kept: tuple[str, ...] = (CURVE,)

    @property
    def scratch(self) -> Path:
        """Folder of the checkpoints, which is removed at the end."""
        return self.folder / SCRATCH


def train_model(training: ModelTraining) -> None:
    """Train, or continue from the last checkpoint; do nothing if the training is done.

    The training leaves ``weights.pt``, ``training_curve.csv`` and, last, ``training.json`` in its folder, and removes
    its checkpoints. A checkpoint that is damaged or does not fit is skipped for the one before it. Without a usable one
    the training begins again from the start, as it does if its weights are damaged. The log says so.

    Args:
        training: the training.
    """
    folder = training.folder
    if rank() == 0 and not _weights_whole(folder):
        logger.warning(f"'{folder / WEIGHTS}' is damaged: the training begins again from the start.")
        (folder / TRAINED).unlink()
    while not (folder / TRAINED).is_file():
        try:
            _train(training)
            break  # the first process may still be writing what says so
        except Exception as error:
            if rank() > 0 or not _passed_over(error, training.scratch) or processes() > 1:
                raise
    if rank() == 0:
        shutil.rmtree(training.scratch, ignore_errors=True)


def begin_workflow(training: ModelTraining, clock: Clock | None = None) -> Workflow:
    """Return the initialized workflow of a training, which goes on from the last checkpoint if there is one.

    Args:
        training: the training.
        clock: handler that records the times; None for none.
    """
    workflow = training.workflow(_resumable(training))
    if clock is not None:
        workflow.parser["train#state_handlers"].insert(0, clock)
    workflow.initialize()
    return workflow


def _train(training: ModelTraining) -> None:
    if rank() == 0 and not _resumable(training):
        _begin_anew(training)
    clock = Clock(training.folder / EPOCHS)
    workflow = begin_workflow(training, clock)
    trainer = workflow.parser.get_parsed_content("train#trainer")
    EpochSeed(training.seed, workflow.parser.get_parsed_content("train#dataloader"), rank()).attach(trainer)
    training.follow(workflow)
    workflow.run()
    workflow.finalize()
    if rank() == 0:
        _conclude(training, workflow, clock)


def _weights_whole(folder: Path) -> bool:
    """Return whether the weights of a finished training, if they are still there, can be evaluated."""
    weights = folder / WEIGHTS
    return not (folder / TRAINED).is_file() or not weights.is_file() or is_checkpoint(weights)


def _resumable(training: ModelTraining) -> bool:
    """Return whether a checkpoint and the best weights, which a training does not write twice, are whole."""
    checkpoints = [path for path in training.scratch.glob("checkpoint_epoch=*.pt") if epoch_of(path)]
    others = [path for path in training.scratch.glob("*.pt") if path not in checkpoints]
    timed = (training.folder / EPOCHS).is_file()
    return timed and any(map(is_checkpoint, checkpoints)) and all(map(is_checkpoint, others))


def _passed_over(error: Exception, scratch: Path) -> bool:
    """Rename the checkpoint that an error is about, so that the one before it is used, or return False."""
    checkpoint = unusable_checkpoint(error)
    if checkpoint is None or checkpoint.parent != scratch or not checkpoint.is_file():
        return False
    logger.warning(f"the training goes on without its last checkpoint: {sentence(explained(error) or error)}")
    checkpoint.rename(checkpoint.with_name(f"{checkpoint.name}.unusable"))
    return True


def _begin_anew(training: ModelTraining) -> None:
    """Remove what is left of a training that cannot go on, and the results of weights that are gone."""
    scratch = training.scratch
    if scratch.is_dir() and any(scratch.glob("checkpoint_epoch=*")):
        logger.warning("no checkpoint of the training can be used: it begins again from the start.")
    for path in (scratch, training.folder / EPOCHS, *(training.folder / name for name in training.derived)):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _conclude(training: ModelTraining, workflow: Workflow, clock: Clock) -> None:
    folder, parser = training.folder, workflow.parser
    best = parser.get_parsed_content("validate#best_model").path if training.chosen == "best" else None
    state = torch.load(best or latest_checkpoint(training.scratch), map_location="cpu", weights_only=True)
    with written_beside(folder / WEIGHTS) as beside, beside.open("wb") as file:
        torch.save(state.get("model", state), file)
    for name in training.kept:
        if (training.scratch / name).is_file():
            with written_beside(folder / name) as beside:
                shutil.copyfile(training.scratch / name, beside)
    trainer = parser.get_parsed_content("train#trainer")
    about = {
        "digest": training.digest,
        "weights": training.chosen,
        "epochs": trainer.state.epoch,
        "iterations": trainer.state.iteration,
        "batch_size": clock.batch[0],
        "input_shape": clock.batch[1:],
        "training_seconds": sum(epoch["seconds"] for epoch in clock.epochs),
        "iteration_seconds": statistics.median(epoch["iteration_seconds"] for epoch in clock.epochs),
        "processes": processes(),
    }
    write_run_file(folder / TRAINED, about)
