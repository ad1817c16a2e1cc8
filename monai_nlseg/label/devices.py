"""Devices that clients ask for."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["device_named"]


def device_named(name: Any) -> torch.device:
    """The device of a name, which comes from outside: it must reach no config as text, for configs are code.

    Raises:
        ValueError: for another name than PyTorch's, or a GPU that this machine does not have.
    """
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise ValueError(f"the device {name!r} is unknown: give cpu, cuda or cuda:1.") from None
    if device.type == "cuda" and (device.index or 0) >= (count := torch.cuda.device_count()):
        raise ValueError(f"the device {name!r} is not there, this machine has {count} GPUs: give another, or cpu.")
    return device
