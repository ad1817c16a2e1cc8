"""Devices that clients ask for."""

from __future__ import annotations

from typing import Any

import torch


def device_named(name: Any) -> torch.device:
    """Return the device that a client asks for.

    A client's text must not reach a config, because texts of configs are run as code.

    Args:
        name: the client's value: "cpu", "cuda" or "cuda:1".

    Raises:
        ValueError: for another name, or a GPU that this machine does not have.
    """
    try:
        device = torch.device(name)
        if device.type not in ("cpu", "cuda"):  # PyTorch has devices that compute nothing
            raise ValueError(device.type)
    except (RuntimeError, TypeError, ValueError):
        raise ValueError(f"the device {name!r} is unknown: give cpu, cuda or cuda:1.") from None
    if device.type == "cuda" and (device.index or 0) >= (count := torch.cuda.device_count()):
        raise ValueError(f"the device {name!r} is not on this machine, which has {count} GPUs: give another, or cpu.")
    return device
