"""The time of each epoch of a training."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import torch
from ignite.engine import Engine, Events

from monai_nlseg.training.fitting.processes import rank
from monai_nlseg.training.fitting.run_files import read_run_file, write_run_file


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
        if rank() == 0:
            about = {"total": engine.state.max_epochs, "batch": self.batch, "epochs": self.epochs}
            write_run_file(self.path, about)
