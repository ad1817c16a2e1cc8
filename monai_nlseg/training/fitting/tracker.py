"""A recorder of a training that never ends it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ignite.engine import Engine, Events
from ignite.metrics import Average
from monai.handlers import from_engine

from monai_nlseg.errors import sentence

logger = logging.getLogger(__name__)


class Tracker:
    """Recorder of one training, which stops at the first failure of its service.

    Args:
        service: name of the service in the log.
        training: name of the training.
        start: begins the run of the service, or goes on with it, and returns its handler.
    """

    def __init__(self, service: str, training: str, start: Callable[[], Any]) -> None:
        self.service = service
        self.training = training
        self.start = start
        self.handler: Any = None

    def begin(self) -> None:
        """Begin a run, or go on with it."""
        self.handler = self._try(self.start)

    def record(self, engine: Engine) -> None:
        """Record the metrics of an epoch."""
        if self.handler is not None:
            self._try(self.handler.epoch_completed, engine)

    def end(self) -> None:
        """End the run."""
        if self.handler is not None:
            self._try(self.handler.close)

    def _try(self, action: Callable[..., Any], *args: Any) -> Any:
        try:
            return action(*args)
        except Exception as error:  # a server or its client may raise anything
            self.handler = None
            logger.warning(f"{self.service} records nothing more of {self.training}: {sentence(error)}")
            return None


def attach_tracker(tracker: Tracker, trainer: Engine, evaluator: Engine, first_process: bool) -> None:
    """Record the mean loss and the metrics of each epoch, and those of each validation.

    Args:
        tracker: the recorder.
        trainer: the trainer, behind whose validation it is attached.
        evaluator: the evaluator of its validation.
        first_process: whether this process is the one that records, among those that train together.
    """
    # It sums over all processes, so each process needs it.
    Average(output_transform=from_engine(["loss"], first=True)).attach(trainer, "train_loss")
    if first_process:
        trainer.add_event_handler(Events.STARTED, tracker.begin)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, tracker.record)
        evaluator.add_event_handler(Events.EPOCH_COMPLETED, tracker.record)
        trainer.add_event_handler(Events.COMPLETED, tracker.end)
