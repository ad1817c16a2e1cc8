"""The checkpoints of a training."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["begin_training", "epoch_of", "latest_checkpoint", "require_no_checkpoint"]


def epoch_of(checkpoint: str | Path) -> int:
    """N of a file ``checkpoint_epoch=N.pt``; 0 for another name or none.

    Added to the seed of a training that is resumed, it keeps the first epochs' random numbers from coming again.
    """
    match = re.fullmatch(r"checkpoint_epoch=(\d+)", Path(checkpoint).stem)
    return int(match[1]) if match else 0


def latest_checkpoint(folder: str | Path) -> str:
    """The ``checkpoint_epoch=N.pt`` of the largest N in ``folder``.

    Raises:
        ValueError: if there is none.
    """
    checkpoints = _checkpoints(folder)
    if not checkpoints:
        raise ValueError(f"'{folder}' holds no checkpoint_epoch=N.pt to resume from: train without resume first.")
    return str(checkpoints[-1])


def begin_training(folder: str | Path, cases: Sequence[Mapping[str, Any]]) -> None:
    """Keep a training that is not resumed apart from an earlier one whose checkpoints are in its folder.

    With the data of the config it refuses, for ``resume`` may just have been forgotten. A data list put in their place
    is known by its entries without a "case": so a server such as MONAI Label trains, again at each request. Then the
    earlier checkpoints are moved to ``earlier_1`` in the folder, or the next number that is free.

    Args:
        folder: where the training will write its checkpoints.
        cases: the entries that it trains on.

    Raises:
        ValueError: see :func:`require_no_checkpoint`.
    """
    if not len(cases):  # or not to be read, which the run refuses; see require_cases
        return
    if any("case" in case for case in cases):
        require_no_checkpoint(folder)
        return
    checkpoints = _checkpoints(folder)
    if not checkpoints or int(os.environ.get("RANK", "0")) > 0:  # one process of several moves them
        return
    count = 1
    while (earlier := Path(folder) / f"earlier_{count}").exists():
        count += 1
    earlier.mkdir()
    for checkpoint in checkpoints:
        checkpoint.rename(earlier / checkpoint.name)


def require_no_checkpoint(folder: str | Path) -> None:
    """Refuse a folder in which a new training would mix with an earlier one, and a later resume take the wrong one.

    Raises:
        ValueError: if ``folder`` holds a ``checkpoint_epoch=N.pt``.
    """
    checkpoints = _checkpoints(folder)
    if checkpoints:
        raise ValueError(
            f"'{checkpoints[-1]}' is of an earlier training: go on with it by --resume True, or give another ckpt_dir."
        )


def _checkpoints(folder: str | Path) -> list[Path]:
    """The files ``checkpoint_epoch=N.pt`` by N."""
    epochs = {epoch: path for path in Path(folder).glob("checkpoint_epoch=*.pt") if (epoch := epoch_of(path))}
    return [epochs[epoch] for epoch in sorted(epochs)]
