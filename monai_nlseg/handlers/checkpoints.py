"""What a training leaves: the best weights."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from ignite.engine import Engine, Events
from torch.nn.parallel import DistributedDataParallel

__all__ = ["BestModelSaver", "keep_earlier"]

logger = logging.getLogger(__name__)


def keep_earlier(path: str | Path) -> Path | None:
    """Rename a file that is about to be written anew, ``model.pt`` to the first free of ``model_earlier_1.pt``, ...

    Returns:
        The new name, or None if there was no such file.
    """
    path = Path(path)
    if not path.is_file():
        return None
    count = 1
    while (kept := path.with_stem(f"{path.stem}_earlier_{count}")).exists():
        count += 1
    path.rename(kept)
    logger.info(f"kept the earlier {path.name} as {kept}")
    return kept


class BestModelSaver:
    """Ignite handler that writes the network's state dict whenever the validator's key metric exceeds all before.

    A file of that name which an earlier training left is renamed (:func:`keep_earlier`), but not before its successor
    is complete: a training that fails, is stopped or never validates leaves it in its place.

    The best metric is the handler's state. Put the handler into the training's checkpoints, so that a training which
    is resumed replaces its weights by better ones only.

    Args:
        path: the file, as ``models/model.pt``; its folder is made if it is missing.
        network: the network; of a DistributedDataParallel, the module within is written.
    """

    def __init__(self, path: str | Path, network: torch.nn.Module) -> None:
        self.path = Path(path)
        self.network = network.module if isinstance(network, DistributedDataParallel) else network
        self.best = -math.inf

    def attach(self, engine: Engine) -> None:
        """Attach to a MONAI evaluator that has a key metric."""
        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        metric = float(engine.state.metrics[engine.state.key_metric_name])
        if not metric > self.best:  # so written, NaN is no best
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f".{os.getpid()}-{self.path.name}")
        try:
            torch.save(self.network.state_dict(), beside)
            if self.best == -math.inf:
                keep_earlier(self.path)
            beside.replace(self.path)
        finally:
            beside.unlink(missing_ok=True)
        self.best = metric

    def state_dict(self) -> dict[str, float]:
        """The best metric so far, -inf before the first."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: Mapping[str, float]) -> None:
        """Take up the best metric; not where its weights are missing, which would then never be written."""
        self.best = state_dict["best"] if self.path.is_file() else -math.inf
