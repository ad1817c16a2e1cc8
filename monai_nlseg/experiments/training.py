"""Train one model on one fold."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import time
from pathlib import Path

import torch
from ignite.engine import Engine, Events
from monai.bundle import ConfigWorkflow

from monai_nlseg.bundle import epoch_of, latest_checkpoint
from monai_nlseg.experiments.plan import RunSpec
from monai_nlseg.experiments.records import DONE, RESULTS, read_record
from monai_nlseg.experiments.tracking import attach_mlflow
from monai_nlseg.experiments.workflow import bundle_workflow, cases_of, without_tensorboard
from monai_nlseg.files import written_beside
from monai_nlseg.handlers import EpochSeed

__all__ = ["EPOCHS", "TRAINED", "WEIGHTS", "train", "training_workflow"]

TRAINED = "training.json"
WEIGHTS = "weights.pt"
EPOCHS = "epochs.json"
CURVE = "training_curve.csv"
SCRATCH = "training"


def train(spec: RunSpec, tracking: str = "") -> None:
    """Train, or go on training from the last checkpoint; do nothing if it is done.

    It leaves ``weights.pt``, ``training_curve.csv`` and, last, ``training.json`` in the run's folder. The checkpoints
    are removed at the end.

    Args:
        spec: the run.
        tracking: "tensorboard", "mlflow", or "" for none.
    """
    scratch = spec.path / SCRATCH
    if not (spec.path / TRAINED).is_file():
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
    if _rank() == 0:
        shutil.rmtree(scratch, ignore_errors=True)


def _resumable(spec: RunSpec, scratch: Path) -> bool:
    return (spec.path / EPOCHS).is_file() and any(map(epoch_of, scratch.glob("checkpoint_epoch=*.pt")))


def _begin_anew(spec: RunSpec, scratch: Path) -> None:
    """Remove what is left of a training that has no checkpoint, and what was measured of weights that are gone."""
    for folder in (scratch, spec.path / RESULTS):
        shutil.rmtree(folder, ignore_errors=True)
    for name in (EPOCHS, DONE):
        (spec.path / name).unlink(missing_ok=True)


class Clock:
    """Ignite handler that notes what each epoch takes, over all parts of a training that is interrupted.

    Attach it before what writes the checkpoints, so that it knows of each epoch that has one.

    Args:
        path: JSON file, written after each epoch.

    Attributes:
        epochs: for each epoch its "seconds", and "iteration_seconds", the median of what its iterations compute.
        batch: shape of the last batch of images.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        earlier = read_record(path) or {}
        self.epochs: list[dict[str, float]] = earlier.get("epochs", [])
        self.batch: list[int] = earlier.get("batch", [])

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._begin_epoch)
        engine.add_event_handler(Events.ITERATION_STARTED, self._begin_iteration)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._end_iteration)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._end_epoch)

    def _begin_epoch(self, engine: Engine) -> None:
        self.epochs = self.epochs[: engine.state.epoch - 1]  # what came after the checkpoint is done again
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
            with written_beside(self.path) as beside:
                about = {"total": engine.state.max_epochs, "batch": self.batch, "epochs": self.epochs}
                beside.write_text(json.dumps(about))


def training_workflow(spec: RunSpec, scratch: Path, tracking: str = "", clock: Clock | None = None) -> ConfigWorkflow:
    """The initialized workflow of a run's training, which goes on from the last checkpoint in ``scratch``."""
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
    workflow = bundle_workflow(spec, configs, overrides)
    if tracking != "tensorboard":
        without_tensorboard(workflow)
    if clock is not None:
        workflow.parser["train#state_handlers"].insert(0, clock)
    workflow.initialize()
    return workflow


def _conclude(spec: RunSpec, scratch: Path, workflow: ConfigWorkflow, clock: Clock) -> None:
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
    with written_beside(spec.path / TRAINED) as beside:
        beside.write_text(json.dumps(about, indent=1))


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))


def _processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))
