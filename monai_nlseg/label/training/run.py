"""A training of a bundle in a folder of its own, with the score that the served weights had before."""

from __future__ import annotations

import gc
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ignite.engine import Engine, Events

from monai_nlseg.bundle import Workflow, explained, require_references
from monai_nlseg.errors import sentence
from monai_nlseg.label.served import ServedBundle
from monai_nlseg.quiet import exceptions_unlogged, notices_silenced


@dataclass(frozen=True)
class Scores:
    """The scores of a training and of the weights before it, on the same validation images.

    Attributes:
        metric: name of the bundle's key metric, of which more is better.
        before: score of the served weights; None without such weights, or if there is no number for them.
        epochs: epoch -> score after it, where it was validated and gave a number.
    """

    metric: str
    before: float | None
    epochs: Mapping[int, float]

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the highest score, the first if several have it; None without scores."""
        return max(self.epochs, key=lambda epoch: self.epochs[epoch]) if self.epochs else None

    @property
    def after(self) -> float | None:
        """The highest score; None without scores."""
        return max(self.epochs.values(), default=None)

    @property
    def better(self) -> bool:
        """Whether the training has reached a higher score than there was before."""
        return self.after is not None and (self.before is None or self.after > self.before)

    @property
    def summary(self) -> str:
        """A sentence about the scores and the weights that are served from now on."""
        if self.after is None:
            return f"the trained weights have no {self.metric}: the served weights stay."
        if self.before is None:
            return f"the trained weights reach {self.metric} {self.after:.4f} and are served from now on."
        if self.better:
            return (
                f"{self.metric} has risen from {self.before:.4f} to {self.after:.4f}: the trained weights are served "
                "from now on."
            )
        return f"{self.metric} {self.after:.4f} is not above {self.before:.4f}: the served weights stay."


def train_and_score(served: ServedBundle, overrides: Mapping[str, Any]) -> Scores:
    """Score the served weights and train from them, or from scratch if there are none.

    The served weights are not changed: everything is written to ``ckpt_dir``, the best weights under the name of the
    served ones.

    Args:
        served: the bundle.
        overrides: config id -> value, from :func:`~monai_nlseg.label.training_config.training_overrides`.

    Raises:
        ValueError: for weights that do not fit, a training that fails or never validates.
    """
    try:
        with _scripts(served), notices_silenced(summaries=False), exceptions_unlogged():
            before = _score(served, overrides)
            gc.collect()
            metric, epochs = _train(served, overrides)
    except Exception as error:
        if reason := explained(error):
            raise reason from None
        raise ValueError(f"the training of {served.name} has failed: {sentence(error)}") from error
    if not epochs:
        raise ValueError(f"{served.name} was not validated in its training: set val_interval in its config train.")
    return Scores(metric, before, {epoch: score for epoch, score in epochs.items() if math.isfinite(score)})


def _score(served: ServedBundle, overrides: Mapping[str, Any]) -> float | None:
    """Return the score of the served weights, or None without them or without a number."""
    if not served.weights.is_file():
        return None
    # Its handlers would write files and a curve, to which this score does not belong.
    silent = {**overrides, "validate#handlers": []}
    workflow = served.bundle.workflow("train", workflow_type="train", **silent)
    require_references(workflow.parser, ["network", "validate#evaluator"])
    workflow.parser.parse(reset=True)
    _load(served, workflow)
    evaluator = workflow.parser.get_parsed_content("validate#evaluator")
    evaluator.run()
    score = _key_metric(evaluator)
    return score if math.isfinite(score) else None


def _train(served: ServedBundle, overrides: Mapping[str, Any]) -> tuple[str, dict[int, float]]:
    """Train, and return the name of the key metric and its value after each epoch that was validated."""
    workflow = served.bundle.workflow("train", workflow_type="train", **overrides)
    workflow.initialize()
    if served.weights.is_file():
        _load(served, workflow)
    evaluator = workflow.parser.get_parsed_content("validate#evaluator")
    scores: dict[int, float] = {}
    evaluator.add_event_handler(
        Events.COMPLETED, lambda engine: scores.update({engine.state.epoch: _key_metric(engine)})
    )
    workflow.run()
    workflow.finalize()
    return str(evaluator.state.key_metric_name), scores


def _load(served: ServedBundle, workflow: Workflow) -> None:
    served.bundle.load_weights(workflow.parser.get_parsed_content("network"), served.weights)


def _key_metric(evaluator: Engine) -> float:
    return float(evaluator.state.metrics[evaluator.state.key_metric_name])


@contextmanager
def _scripts(served: ServedBundle) -> Iterator[None]:
    """Let configs import what lies in the bundle's folder, and restore the import paths of the server afterwards."""
    paths = list(sys.path)
    sys.path.insert(0, str(served.root))
    try:
        yield
    finally:
        sys.path[:] = paths
