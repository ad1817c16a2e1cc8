"""Mixed precision on any device."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn as nn


def autocast_forward(network: nn.Module, device: torch.device | str, dtype: str = "float32") -> nn.Module:
    """Let ``network`` compute in reduced precision and return float32, in place.

    MONAI's engines autocast on CUDA only; this works on the CPU too and leaves the state dict as it is. bfloat16
    keeps float32's range, so no gradient scaling is needed. On the CPU, 3D convolutions whose input is less deep than
    their kernel are trained in float32: oneDNN 3.x returns wrong gradients of their weights in bfloat16, or none.

    Args:
        network: the network; its ``forward`` is replaced.
        device: the device it runs on.
        dtype: "float32" (nothing is changed), "bfloat16", or "float16" for inference on a GPU: its range ends at 65504,
            so that training would need scaled gradients.

    Returns:
        The same network.

    Raises:
        ValueError: for another dtype, or float16 on the CPU.
    """
    if dtype == "float32":
        return network
    types = {"bfloat16": torch.bfloat16, "float16": torch.float16}
    if dtype not in types:
        raise ValueError(f"dtype {dtype!r} is not supported: choose 'float32', 'bfloat16' or 'float16'.")
    device_type = torch.device(device).type
    if dtype == "float16" and device_type == "cpu":
        raise ValueError("float16 is slow and of small range on the CPU: choose 'bfloat16' or 'float32' there.")
    if device_type == "cpu":
        for module in network.modules():
            if isinstance(module, nn.Conv3d):
                reach = module.dilation[0] * (module.kernel_size[0] - 1)
                module.forward = functools.partial(_exact_if_thin, module.forward, reach)  # type: ignore[method-assign]
    # A partial of a bound method, not a closure: a deep copy of the network then calls the copy's own method.
    network.forward = functools.partial(_reduced, network.forward, device_type, types[dtype])
    return network


def _reduced(forward: Callable[..., Any], device_type: str, dtype: torch.dtype, *args: Any, **kwargs: Any) -> Any:
    with torch.autocast(device_type, dtype):
        outputs = forward(*args, **kwargs)
    return outputs.float() if isinstance(outputs, torch.Tensor) else type(outputs)(output.float() for output in outputs)


def _exact_if_thin(forward: Callable[..., Any], reach: int, x: torch.Tensor) -> Any:
    if torch.is_grad_enabled() and 1 < x.shape[2] <= reach:
        with torch.autocast("cpu", enabled=False):
            return forward(x.float())
    return forward(x)
