"""When a training validates."""

from __future__ import annotations

import monai.handlers
from ignite.engine import CallableEventWithFilter, Engine, Events
from monai.engines import Evaluator

__all__ = ["ValidationHandler", "every_and_last"]


def every_and_last(interval: int) -> CallableEventWithFilter:
    """Ignite event: the end of every ``interval``-th epoch and of the last one.

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

    Otherwise the epochs behind the last multiple of the interval would be trained for nothing.

    Args:
        interval: epochs from one validation to the next.
        validator: runs then.
    """

    def __init__(self, interval: int, validator: Evaluator) -> None:
        super().__init__(interval, validator)

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer."""
        engine.add_event_handler(every_and_last(self.interval), self)
