"""Train one model on one fold."""

from __future__ import annotations

import logging
import os
import shutil
import statistics
import time
from pathlib import Path

import torch
from ignite.engine import Engine, Events

from monai_nlseg.bundle import (
    Bundle,
    Workflow,
    epoch_of,
    explained,
    is_checkpoint,
    latest_checkpoint,
    unusable_checkpoint,
)
from monai_nlseg.errors import sentence
from monai_nlseg.experiments.run_files import DONE, RESULTS, read_run_file, write_run_file
from monai_nlseg.experiments.run_spec import RunSpec
from monai_nlseg.experiments.tracking import attach_mlflow
from monai_nlseg.experiments.workflow import cases_of, without_tensorboard
from monai_nlseg.handlers import EpochSeed
from monai_nlseg.io.files import written_beside

logger = logging.getLogger(__name__)

TRAINED = "training.json"
WEIGHTS = "weights.pt"
EPOCHS = "epochs.json"
CURVE = "training_curve.csv"
SCRATCH = "training"


def train(spec: RunSpec, tracking: str = "") -> None:
    """Train, or continue from the last checkpoint; do nothing if the training is done.

    The training leaves ``weights.pt``, ``training_curve.csv`` and, last, ``training.json`` in the run's folder, and
    removes its checkpoints. A checkpoint that is damaged or does not fit is skipped for the one before it. Without a
    usable one the training begins again from the start, as it does if its weights are damaged. The log says so.

    Args:
        spec: the run.
        tracking: "tensorboard", "mlflow", or "" for none.
    """
    scratch = spec.path / SCRATCH
    if _rank() == 0 and not _weights_whole(spec):
        logger.warning(f"'{spec.path / WEIGHTS}' is damaged: the training begins again from the start.")
        (spec.path / TRAINED).unlink()
    while not (spec.path / TRAINED).is_file():
        try:
            _train(spec, scratch, tracking)
            break  # the first process may still be writing what says so
        except Exception as error:
            if _rank() > 0 or not _passed_over(error, scratch) or _processes() > 1:
                raise
    if _rank() == 0:
        shutil.rmtree(scratch, ignore_errors=True)


def _train(spec: RunSpec, scratch: Path, tracking: str) -> None:
    if _rank() == 0 and not _resumable(spec, scratch):
        _begin_anew(spec, scratch)
    clock = Clock(spec.path / EPOCHS)
    workflow = training_workflow(spec, scratch, tracking, clock)
    trainer = workflow.parser.get_parsed_content("train#trainer")
    EpochSeed(spec.seed, workflow.parser.get_parsed_content("train#dataloader"), _rank()).attach(trainer)
    if tracking == "mlflow":
        attach_mlflow(spec, trainer, workflow.parser.get_parsed_content("validate#evaluator"), _rank() == 0)
    workflow.run()
    workflow.finalize()
    if _rank() == 0:
        _conclude(spec, scratch, workflow, clock)


def _weights_whole(spec: RunSpec) -> bool:
    """Return whether the weights of a finished training, if they are still there, can be evaluated."""
    weights = spec.path / WEIGHTS
    return not (spec.path / TRAINED).is_file() or not weights.is_file() or is_checkpoint(weights)


def _resumable(spec: RunSpec, scratch: Path) -> bool:
    """Return whether a checkpoint and the best weights, which a training does not write twice, are whole."""
    checkpoints = [path for path in scratch.glob("checkpoint_epoch=*.pt") if epoch_of(path)]
    others = [path for path in scratch.glob("*.pt") if path not in checkpoints]
    return (spec.path / EPOCHS).is_file() and any(map(is_checkpoint, checkpoints)) and all(map(is_checkpoint, others))


def _passed_over(error: Exception, scratch: Path) -> bool:
    """Rename the checkpoint that an error is about, so that the one before it is used, or return False."""
    checkpoint = unusable_checkpoint(error)
    if checkpoint is None or checkpoint.parent != scratch or not checkpoint.is_file():
        return False
    logger.warning(f"the training goes on without its last checkpoint: {sentence(explained(error) or error)}")
    checkpoint.rename(checkpoint.with_name(f"{checkpoint.name}.unusable"))
    return True


def _begin_anew(spec: RunSpec, scratch: Path) -> None:
    """Remove what is left of a training that cannot go on, and the results of weights that are gone."""
    if scratch.is_dir() and any(scratch.glob("checkpoint_epoch=*")):
        logger.warning("no checkpoint of the training can be used: it begins again from the start.")
    for folder in (scratch, spec.path / RESULTS):
        shutil.rmtree(folder, ignore_errors=True)
    for name in (EPOCHS, DONE):
        (spec.path / name).unlink(missing_ok=True)


class Clock:
    """Ignite handler that records the time of each epoch, over all parts of a training that is interrupted.

    Attach it before the handler that writes the checkpoints, so that it has each epoch that has a checkpoint.

    Args:
        path: JSON file, written after each epoch.

    Attributes:
        epochs: for each epoch its "seconds", and "iteration_seconds", the median of what its iterations compute.
        batch: shape of the last batch of images.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        earlier = read_run_file(path) or {}
        self.epochs: list[dict[str, float]] = earlier.get("epochs", [])
        self.batch: list[int] = earlier.get("batch", [])

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._begin_epoch)
        engine.add_event_handler(Events.ITERATION_STARTED, self._begin_iteration)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._end_iteration)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._end_epoch)

    def _begin_epoch(self, engine: Engine) -> None:
        self.epochs = self.epochs[: engine.state.epoch - 1]  # epochs after the checkpoint are done again
        self._start = time.perf_counter()
        self._iterations: list[float] = []

    def _begin_iteration(self, engine: Engine) -> None:
        self._iteration = time.perf_counter()
        self.batch = list(engine.state.batch["image"].shape)

    def _end_iteration(self, engine: Engine) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self._iterations.append(time.perf_counter() - self._iteration)

    def _end_epoch(self, engine: Engine) -> None:
        seconds = time.perf_counter() - self._start
        self.epochs.append({"seconds": seconds, "iteration_seconds": statistics.median(self._iterations)})
        if _rank() == 0:
            about = {"total": engine.state.max_epochs, "batch": self.batch, "epochs": self.epochs}
            write_run_file(self.path, about)


def training_workflow(spec: RunSpec, scratch: Path, tracking: str = "", clock: Clock | None = None) -> Workflow:
    """Return the initialized workflow of a run's training, which goes on from the last checkpoint in ``scratch``.

    Args:
        spec: the run.
        scratch: folder of the checkpoints.
        tracking: "tensorboard", "mlflow", or "" for none.
        clock: handler that records the times; None for none.
    """
    # Without a validation part the curve shows the test part, by which nothing is chosen.
    validated = "validation" if spec.parts["validation"] else "test"
    overrides = {
        **spec.overrides,
        "ckpt_dir": str(scratch),
        "output_dir": str(spec.path / "tensorboard" if tracking == "tensorboard" else scratch),
        "seed": spec.seed,
        "resume": _resumable(spec, scratch),
        "train#dataset#data": cases_of(spec, "training"),
        "validate#dataset#data": cases_of(spec, validated),
    }
    configs = list(spec.train_configs)
    if _processes() > 1:
        configs.append("multi_gpu_train")
    workflow = Bundle(spec.bundle).workflow(*configs, workflow_type="train", **overrides)
    if tracking != "tensorboard":
        without_tensorboard(workflow)
    if clock is not None:
        workflow.parser["train#state_handlers"].insert(0, clock)
    workflow.initialize()
    return workflow


def _conclude(spec: RunSpec, scratch: Path, workflow: Workflow, clock: Clock) -> None:
    parser = workflow.parser
    chosen = "best" if spec.parts["validation"] else "last"
    best = parser.get_parsed_content("validate#best_model").path if chosen == "best" else None
    state = torch.load(best or latest_checkpoint(scratch), map_location="cpu", weights_only=True)
    with written_beside(spec.path / WEIGHTS) as beside:
        torch.save(state.get("model", state), beside)
    if (scratch / CURVE).is_file():
        with written_beside(spec.path / CURVE) as beside:
            shutil.copyfile(scratch / CURVE, beside)
    trainer = parser.get_parsed_content("train#trainer")
    about = {
        "digest": spec.digest,
        "weights": chosen,
        "epochs": trainer.state.epoch,
        "iterations": trainer.state.iteration,
        "batch_size": clock.batch[0],
        "input_shape": clock.batch[1:],
        "training_seconds": sum(epoch["seconds"] for epoch in clock.epochs),
        "iteration_seconds": statistics.median(epoch["iteration_seconds"] for epoch in clock.epochs),
        "processes": _processes(),
    }
    write_run_file(spec.path / TRAINED, about)


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))


def _processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))
