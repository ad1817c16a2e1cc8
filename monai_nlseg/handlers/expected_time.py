"""The expected time of a training, logged at its beginning."""

from __future__ import annotations

import time

import torch.distributed as dist
from ignite.engine import Engine, Events
from monai.apps import get_logger

LOGGER = "monai_nlseg.handlers.ExpectedTime"


class ExpectedTime:
    """Ignite handler that logs a training's number of iterations and, after a few of them, the time they will take.

    The time is the mean of the iterations measured, batches and other handlers included, multiplied by the iterations
    that are left; validation is left out. A resumed training counts from where it resumes. Only the first of
    several processes logs.

    Args:
        iterations: how many are measured; the first of the training, which includes warm-up, is left out.

    Raises:
        ValueError: if ``iterations`` is below 1.

    Examples::

        SupervisedTrainer(..., train_handlers=[ExpectedTime(), ...])

    """

    def __init__(self, iterations: int = 5) -> None:
        if iterations < 1:
            raise ValueError(f"{iterations} iterations give no time: measure at least 1.")
        self.iterations = iterations
        self._taken: list[float] = []
        self._begin = 0.0

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer.

        Args:
            engine: the trainer.
        """
        engine.add_event_handler(Events.STARTED, self._taken.clear)
        engine.add_event_handler(Events.EPOCH_STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._measure)

    def _start(self, engine: Engine) -> None:
        if not self._taken:  # only here, not when the engine starts, does a resumed training know its epoch
            state = engine.state
            _say(
                f"epochs {state.epoch:,} to {state.max_epochs:,} of {state.epoch_length:,} iterations each: "
                f"{_left(engine):,} iterations to do"
            )
        self._begin = time.perf_counter()

    def _measure(self, engine: Engine) -> None:
        if len(self._taken) > self.iterations:
            return
        now = time.perf_counter()
        self._taken.append(now - self._begin)
        self._begin = now
        if len(self._taken) > self.iterations:
            seconds = sum(self._taken[1:]) / self.iterations
            _say(
                f"{seconds:.3g} s per iteration: the {_left(engine):,} iterations left take about "
                f"{_duration(_left(engine) * seconds)}, without validation"
            )


def _left(engine: Engine) -> int:
    state = engine.state
    return int(state.max_epochs * state.epoch_length - state.iteration)


def _duration(seconds: float) -> str:
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def _say(text: str) -> None:
    if not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0:
        get_logger(LOGGER).info(text)
