"""The end of a training whose loss or weights are no numbers any more."""

from __future__ import annotations

import math

import torch
from ignite.engine import Engine, Events


class FiniteLoss:
    """Ignite handler that ends a training whose loss has not been a finite number for several iterations.

    Its weights are then lost, and to go on would only take time. Before each validation the weights themselves are
    looked at, as a network with lost ones cannot be validated.

    Args:
        iterations: how many iterations in a row are borne.
        advice: what to do, the end of the error's sentence.

    Raises:
        ValueError: if ``iterations`` is below 1.
    """

    def __init__(self, iterations: int = 5, advice: str = "lower the learning rate, or train in float32") -> None:
        if iterations < 1:
            raise ValueError(f"{iterations} iterations cannot be borne: give at least 1.")
        self.iterations = iterations
        self.advice = advice
        self._count = 0

    def attach(self, engine: Engine, evaluator: Engine | None = None) -> None:
        """Attach to a MONAI trainer.

        Args:
            engine: the trainer.
            evaluator: the evaluator of its validation, if there is one.
        """
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
        if evaluator is not None:
            evaluator.add_event_handler(Events.STARTED, self._require_weights)

    def __call__(self, engine: Engine) -> None:
        output = engine.state.output
        loss = float((output[0] if isinstance(output, list) else output)["loss"])
        self._count = 0 if math.isfinite(loss) else self._count + 1
        if self._count >= self.iterations:
            raise ValueError(
                f"the loss has been {loss} for {self._count} iterations, since iteration "
                f"{engine.state.iteration - self._count + 1}, and the weights are lost: {self.advice}."
            )

    def _require_weights(self, evaluator: Engine) -> None:
        if not all(torch.isfinite(each).all() for each in evaluator.network.parameters()):
            raise ValueError(f"the weights of the network are no finite numbers any more: {self.advice}.")
