"""Mixed precision on any device."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn as nn

__all__ = ["autocast_forward"]


def autocast_forward(network: nn.Module, device: torch.device | str, dtype: str = "float32") -> nn.Module:
    """Let ``network`` compute in reduced precision and return float32, in place.

    MONAI's engines autocast on CUDA only; this works on the CPU too and leaves the state dict as it is. bfloat16
    keeps float32's range, so no gradient scaling is needed.

    Args:
        network: the network; its ``forward`` is replaced.
        device: the device it runs on.
        dtype: "float32" (nothing is changed) or "bfloat16".

    Returns:
        The same network.

    Raises:
        ValueError: for another dtype.
    """
    if dtype == "float32":
        return network
    if dtype != "bfloat16":
        raise ValueError(f"dtype {dtype!r} is not supported: choose 'float32' or 'bfloat16'.")
    # A partial of a bound method, not a closure: a deep copy of the network then calls the copy's own method.
    network.forward = functools.partial(_reduced, network.forward, torch.device(device).type)
    return network


def _reduced(forward: Callable[..., torch.Tensor], device_type: str, *args: Any, **kwargs: Any) -> torch.Tensor:
    with torch.autocast(device_type, torch.bfloat16):
        return forward(*args, **kwargs).float()
