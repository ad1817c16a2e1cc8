"""Checkpoints of a training, and weights."""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from monai_nlseg.bundle.errors import CheckpointError, LoadError
from monai_nlseg.errors import sentence
from monai_nlseg.io.regular import refuse_special_file

logger = logging.getLogger(__name__)


def epoch_of(checkpoint: str | Path) -> int:
    """Return N of a file ``checkpoint_epoch=N.pt``, or 0 for another name or none.

    Added to the seed of a training that is resumed, it keeps the random numbers of the first epochs from being
    repeated.

    Args:
        checkpoint: path of the file.
    """
    match = re.fullmatch(r"checkpoint_epoch=(\d+)", Path(checkpoint).stem)
    return int(match[1]) if match else 0


def is_checkpoint(path: str | Path) -> bool:
    """Return whether a file is whole and holds tensors by name; nothing in it is executed.

    Args:
        path: the file.

    Raises:
        OSError: if it cannot be opened.
        ValueError: if it is a named pipe, a socket or a device.
    """
    refuse_special_file(path)
    return _read_state(path) is not None


def require_checkpoint(path: str | Path) -> None:
    """Refuse a file that is not a checkpoint.

    Args:
        path: the file.

    Raises:
        LoadError: if it cannot be opened.
        CheckpointError: if it is damaged or holds more than tensors.
        ValueError: if it is a named pipe, a socket or a device.
    """
    try:
        whole = is_checkpoint(path)
    except OSError as error:
        raise restore_error(path, error) from None
    if not whole:
        raise _damaged(path)


def latest_checkpoint(folder: str | Path) -> str:
    """Return the whole ``checkpoint_epoch=N.pt`` of the largest N in a folder; those that are damaged are logged.

    Args:
        folder: folder of the checkpoints.

    Raises:
        ValueError: if there is none, or none that is whole.
    """
    checkpoints = _checkpoints(folder)
    if not checkpoints:
        raise ValueError(f"'{folder}' holds no checkpoint_epoch=N.pt to resume from: train without resume first.")
    for checkpoint in reversed(checkpoints):
        if is_checkpoint(checkpoint):
            return str(checkpoint)
        logger.warning(f"'{checkpoint}' is damaged: the training goes on without it.")
    raise ValueError(
        f"'{checkpoints[-1]}' is damaged, and so is each checkpoint before it: remove them and train without resume."
    )


def load_weights(network: nn.Module, path: str | Path) -> None:
    """Load a state dict, alone or under "model" in a checkpoint, into a network, strictly.

    Nothing of the file is executed.

    Args:
        network: the network to load into.
        path: the file.

    Raises:
        LoadError: if the file cannot be opened.
        CheckpointError: if it is damaged or does not fit.
        ValueError: if it is a named pipe, a socket or a device.
    """
    refuse_special_file(path)
    try:
        state = _read_state(path)
        if state is not None:
            network.load_state_dict(state.get("model", state))
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # it may hold anything
        raise restore_error(path, error) from None
    if state is None:
        raise _damaged(path)


def restore_error(path: str | Path, error: Exception) -> LoadError:
    """Return what is wrong with a file from which something could not be restored, and what to do.

    The message of PyTorch names neither the file nor, for a file that is not a checkpoint, the fault.

    Args:
        path: the file.
        error: what was raised.
    """
    text = str(error)
    if text.startswith("Error(s) in loading state_dict"):
        lines = text.splitlines()
        network, reason = lines[0].split()[-1].rstrip(":"), _first_mismatch(lines[1])
        advice = "give the network_def that they were trained with, or other weights"
        return CheckpointError(f"the weights in '{path}' do not fit {network} ({reason}): {advice}.", path, reason)
    if isinstance(error, OSError) and error.filename:
        return LoadError(f"the checkpoint '{path}' cannot be opened ({error.strerror}): give the path of a .pt file.")
    if not is_checkpoint(path):
        return _damaged(path)
    reason = sentence(error).split(". ")[0].rstrip(".")
    advice = "give a checkpoint that fits, or more epochs"
    return CheckpointError(f"'{path}' cannot be restored ({reason}): {advice}.", path, reason)


def begin_training(folder: str | Path, cases: Sequence[Mapping[str, Any]]) -> None:
    """Keep a training that is not resumed apart from an earlier one whose checkpoints are in its folder.

    A training on the data of the config is refused, because ``resume`` may just have been forgotten. A server such as
    MONAI Label, which trains again at each request, puts a data list of its own in the place of the config's, whose
    entries have no "case". Then the earlier checkpoints are moved to ``earlier_1`` in the folder, or the next number
    that is free.

    Args:
        folder: where the training will write its checkpoints.
        cases: the entries that it trains on.

    Raises:
        ValueError: see :func:`require_no_checkpoint`.
    """
    if not len(cases):  # or unreadable, which the run refuses; see require_cases
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

    Args:
        folder: folder of the checkpoints.

    Raises:
        ValueError: if ``folder`` holds a ``checkpoint_epoch=N.pt``.
    """
    checkpoints = _checkpoints(folder)
    if checkpoints:
        raise ValueError(
            f"'{checkpoints[-1]}' is of an earlier training: continue it with --resume True, or give another ckpt_dir."
        )


def _read_state(path: str | Path) -> Mapping[str, Any] | None:
    """Return what a file of weights holds, or None if it is damaged or holds anything else.

    Raises:
        OSError: if it cannot be opened.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # a damaged file can raise anything, and PyTorch's messages advise running code
        # PyTorch's search in a file that was cut short ends in EINVAL.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        return None
    return state if isinstance(state, Mapping) and state else None


def _damaged(path: str | Path) -> CheckpointError:
    return CheckpointError(
        f"'{path}' is not a checkpoint of weights, or is damaged: give a .pt file of a training.",
        path,
        "it is damaged, or holds more than tensors",
    )


def _first_mismatch(line: str) -> str:
    """Return ``'missing key "a"'`` of ``'Missing key(s) in state_dict: "a", "b". '``, and other lines as they are."""
    if match := re.match(r'\s*(Missing|Unexpected) key\(s\) in state_dict: ("[^"]*")', line):
        return f"{match[1].lower()} key {match[2]}"
    return re.sub(r"torch\.Size\((.*?)\)", r"\1", line.strip().rstrip("."))


def _checkpoints(folder: str | Path) -> list[Path]:
    """Return the files ``checkpoint_epoch=N.pt`` in the order of N."""
    epochs = {epoch: path for path in Path(folder).glob("checkpoint_epoch=*.pt") if (epoch := epoch_of(path))}
    return [epochs[epoch] for epoch in sorted(epochs)]
