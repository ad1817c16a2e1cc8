"""Files of a training: the best weights, and checkpoints from which it can be resumed."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint, DiskSaver
from torch.nn.parallel import DistributedDataParallel

from monai_nlseg.handlers.validation import every_and_last
from monai_nlseg.io.files import written_beside

logger = logging.getLogger(__name__)


def keep_earlier(path: str | Path) -> Path | None:
    """Rename a file that is about to be replaced, ``model.pt`` to the first free of ``model_earlier_1.pt``, ...

    Args:
        path: the file.

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
    """Ignite handler that writes the network's state dict whenever the validator's key metric is the best so far.

    Of equal metrics the last one counts: a metric that has nothing to measure, such as MONAI's mean Dice of cases
    without a class, is 0 each time, and the weights of the first validation would be the least trained.

    A file of that name which an earlier training left is renamed (:func:`keep_earlier`), but not before its successor
    is complete: a training that fails, is stopped or never validates leaves it in its place.

    The best metric is the handler's state. Put the handler into the training's checkpoints, so that a
    resumed training replaces its weights only by better ones.

    Args:
        path: the file, such as ``models/model.pt``; its folder is created if it is missing.
        network: the network; for a DistributedDataParallel, its module is written.
    """

    def __init__(self, path: str | Path, network: torch.nn.Module) -> None:
        self.path = Path(path)
        self.network = network.module if isinstance(network, DistributedDataParallel) else network
        self.best = -math.inf

    def attach(self, engine: Engine) -> None:
        """Attach to a MONAI evaluator that has a key metric.

        Args:
            engine: the evaluator.
        """
        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        metric = float(engine.state.metrics[engine.state.key_metric_name])
        if not metric >= self.best:  # written this way, NaN is never the best
            return
        with written_beside(self.path) as beside:
            with beside.open("wb") as file:
                torch.save(self.network.state_dict(), file)
            if self.best == -math.inf:
                keep_earlier(self.path)
        self.best = metric

    def state_dict(self) -> dict[str, float]:
        """Return the best metric so far, -inf before the first."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: Mapping[str, float]) -> None:
        """Restore the best metric, unless its weights are missing, which would then never be written.

        Args:
            state_dict: as :meth:`state_dict` returns it.
        """
        self.best = state_dict["best"] if self.path.is_file() else -math.inf


class EpochCheckpointSaver:
    """Ignite handler that writes ``checkpoint_epoch=N.pt`` every ``interval`` epochs and after the last, and keeps two.

    MONAI's CheckpointSaver writes in place: stopped at that moment, it leaves half a file, from which, as the newest
    one, a resumed training starts. Here the file is written under another name and renamed.

    Attach it after the ValidationHandler, so that an epoch's checkpoint knows the epoch's metric.

    Args:
        save_dir: folder of the checkpoints; created if it is missing.
        save_dict: name -> object with ``state_dict`` and ``load_state_dict``, as for MONAI's CheckpointSaver.
        interval: epochs from one checkpoint to the next.
    """

    def __init__(self, save_dir: str | Path, save_dict: Mapping[str, Any], interval: int) -> None:
        Path(save_dir).mkdir(parents=True, exist_ok=True)  # refuses a file, which DiskSaver does after the training
        self.interval = interval
        self.checkpoint = Checkpoint(
            to_save=save_dict,
            save_handler=DiskSaver(save_dir, atomic=True, require_empty=False),
            score_function=lambda engine: engine.state.epoch,
            score_name="epoch",
            n_saved=2,
        )

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer.

        Args:
            engine: the trainer.
        """
        engine.add_event_handler(every_and_last(self.interval), self.checkpoint)
