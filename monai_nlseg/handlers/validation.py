"""Validation at intervals and after the last epoch."""

from __future__ import annotations

import monai.handlers
from ignite.engine import CallableEventWithFilter, Engine, Events
from monai.engines import Evaluator


def every_and_last(interval: int) -> CallableEventWithFilter:
    """Return the ignite event at the end of every ``interval``-th epoch and of the last one.

    Args:
        interval: epochs from one event to the next.

    Raises:
        ValueError: for an interval below one.
    """
    if interval < 1:
        raise ValueError(f"an interval of {interval} epochs never ends: give at least 1.")
    return Events.EPOCH_COMPLETED(
        event_filter=lambda engine, epoch: epoch % interval == 0 or epoch == engine.state.max_epochs
    )


class ValidationHandler(monai.handlers.ValidationHandler):
    """MONAI's ValidationHandler that also validates after the last epoch, whatever the interval.

    Otherwise the epochs after the last multiple of the interval would be trained for nothing.

    Args:
        interval: epochs from one validation to the next.
        validator: the evaluator that runs.
    """

    def __init__(self, interval: int, validator: Evaluator) -> None:
        super().__init__(interval, validator)

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer.

        Args:
            engine: the trainer.
        """
        engine.add_event_handler(every_and_last(self.interval), self)
