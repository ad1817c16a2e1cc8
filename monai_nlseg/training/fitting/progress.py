"""What a training reports while it runs, and how it is asked to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ignite.engine import Engine, Events


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        stage: "training" counts iterations, "predicting" and "measuring" count cases; "done" ends a fold, and "note"
            is a sentence without counts.
        fold: number of the fold, from 1; None for what concerns all.
        done, total: what is done, and all there is to do in this stage of the fold.
        loss: of the last iteration.
        dice: the key metric of the last validation.
        seconds_left: time that the rest of the stage will take.
        text: what a "note" says.
    """

    stage: Literal["training", "predicting", "measuring", "done", "note"]
    fold: int | None = None
    done: int = 0
    total: int = 0
    loss: float | None = None
    dice: float | None = None
    seconds_left: float | None = None
    text: str = ""


Report = Callable[[Progress], None]


class Stopped(Exception):
    """The run was asked to stop; what is done is kept."""


@dataclass(frozen=True)
class Watch:
    """Whoever watches a run.

    Attributes:
        report: called with the progress.
        stopped: whether the run shall stop.
    """

    report: Report = lambda progress: None
    stopped: Callable[[], bool] = lambda: False

    def note(self, text: str) -> None:
        """Report a sentence.

        Args:
            text: the sentence.
        """
        self.report(Progress("note", text=text))

    def require_going(self) -> None:
        """End the run if it was asked to stop.

        Raises:
            Stopped: if so.
        """
        if self.stopped():
            raise Stopped


class FoldWatch:
    """Ignite handler that reports the progress of a fold's training, and ends it when it is asked to stop.

    Args:
        watch: whoever watches.
        fold: number of the fold, from 1.
    """

    def __init__(self, watch: Watch, fold: int) -> None:
        self.watch = watch
        self.fold = fold
        self._dice: float | None = None
        self._begun, self._begun_at = 0, 0.0

    def attach(self, trainer: Engine, evaluator: Engine) -> None:
        """Attach to a trainer and the evaluator of its validation.

        Args:
            trainer: the trainer.
            evaluator: the evaluator.
        """
        trainer.add_event_handler(Events.EPOCH_STARTED, self._begin)
        trainer.add_event_handler(Events.ITERATION_COMPLETED, self._report)
        evaluator.add_event_handler(Events.ITERATION_COMPLETED, self.watch.require_going)
        evaluator.add_event_handler(Events.COMPLETED, self._validated)

    def _begin(self, trainer: Engine) -> None:
        if not self._begun_at:  # only here does a resumed training know its iteration
            self._begun, self._begun_at = trainer.state.iteration, time.perf_counter()

    def _report(self, trainer: Engine) -> None:
        state = trainer.state
        output = state.output[0] if isinstance(state.output, list) else state.output
        total = state.max_epochs * state.epoch_length
        pace = (time.perf_counter() - self._begun_at) / (state.iteration - self._begun)
        self.watch.report(
            Progress(
                "training",
                self.fold,
                state.iteration,
                total,
                loss=float(output["loss"]),
                dice=self._dice,
                seconds_left=(total - state.iteration) * pace,
            )
        )
        self.watch.require_going()

    def _validated(self, evaluator: Engine) -> None:
        self._dice = float(evaluator.state.metrics[evaluator.state.key_metric_name])
