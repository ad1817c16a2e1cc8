"""A training of a bundle in a folder of its own, with the score that the served weights had before."""

from __future__ import annotations

import gc
import math
import pickle
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.bundle import ConfigWorkflow

from monai_nlseg.bundle import config_file, explained
from monai_nlseg.cohort.workflow import add_scripts
from monai_nlseg.errors import sentence
from monai_nlseg.label.served import ServedBundle
from monai_nlseg.quiet import exceptions_unlogged, notices_silenced

__all__ = ["Scores", "train_and_score"]


@dataclass(frozen=True)
class Scores:
    """Of one training, on the same validation images.

    Attributes:
        metric: name of the bundle's key metric, of which more is better.
        before: of the served weights; None without such weights, or if there is no number for them.
        epochs: epoch -> score after it, where it was validated and gave a number.
    """

    metric: str
    before: float | None
    epochs: Mapping[int, float]

    @property
    def best_epoch(self) -> int | None:
        """The first of the highest score."""
        return max(self.epochs, key=lambda epoch: self.epochs[epoch]) if self.epochs else None

    @property
    def after(self) -> float | None:
        """The highest."""
        return max(self.epochs.values(), default=None)

    @property
    def better(self) -> bool:
        """Whether the training has reached more than there was before."""
        return self.after is not None and (self.before is None or self.after > self.before)

    @property
    def told(self) -> str:
        """In a sentence."""
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
    """Score the served weights, and train from them; from scratch, if there are none.

    The served weights are not touched: all is written to ``ckpt_dir``, the best weights under the name of the served.

    Args:
        served: the bundle.
        overrides: config id -> value, of :func:`training_overrides`.

    Raises:
        ValueError: for weights that do not fit, a training that fails or never validates.
    """
    try:
        with _scripts(served), notices_silenced(trusted=True, summaries=False), exceptions_unlogged():
            before = _score(served, overrides)
            gc.collect()
            metric, epochs = _train(served, overrides)
    except Exception as error:
        if told := explained(error):
            raise told from None
        raise ValueError(f"the training of {served.name} has failed: {sentence(error)}") from error
    if not epochs:
        raise ValueError(f"{served.name} was not validated in its training: set val_interval in its config train.")
    return Scores(metric, before, {epoch: score for epoch, score in epochs.items() if math.isfinite(score)})


def _score(served: ServedBundle, overrides: Mapping[str, Any]) -> float | None:
    """Of the served weights."""
    if not served.weights.is_file():
        return None
    # Its handlers would write files and a curve, of which this is no part.
    workflow = _workflow(served, {**overrides, "validate#handlers": []})
    workflow.parser.parse(reset=True)
    _load(served, workflow)
    evaluator = workflow.parser.get_parsed_content("validate#evaluator")
    evaluator.run()
    score = _key_metric(evaluator)
    return score if math.isfinite(score) else None


def _train(served: ServedBundle, overrides: Mapping[str, Any]) -> tuple[str, dict[int, float]]:
    """Name of the key metric, and its value after each epoch that was validated."""
    workflow = _workflow(served, overrides)
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


def _workflow(served: ServedBundle, overrides: Mapping[str, Any]) -> ConfigWorkflow:
    return ConfigWorkflow(
        config_file=str(config_file(served.root, "train")),
        meta_file=str(served.root / "configs" / "metadata.json"),
        logging_file=False,  # the server has its own
        workflow_type="train",
        **overrides,
    )


def _load(served: ServedBundle, workflow: ConfigWorkflow) -> None:
    network = workflow.parser.get_parsed_content("network")
    try:
        state = torch.load(served.weights, map_location="cpu", weights_only=True)
        network.load_state_dict(state.get("model", state))
    except (RuntimeError, OSError, EOFError, AttributeError, pickle.UnpicklingError) as error:
        raise ValueError(
            f"'{served.weights}' does not fit the network that {served.name} trains ({sentence(error)}): restore it, "
            "or move it away to train from scratch."
        ) from None


def _key_metric(evaluator: Engine) -> float:
    return float(evaluator.state.metrics[evaluator.state.key_metric_name])


@contextmanager
def _scripts(served: ServedBundle) -> Iterator[None]:
    """A bundle may bring code of its own in ``scripts``; a server goes on with its paths as they were."""
    paths = list(sys.path)
    add_scripts(served.root)
    sys.path.insert(0, str(served.root))
    try:
        yield
    finally:
        sys.path[:] = paths
