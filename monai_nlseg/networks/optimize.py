"""Make a trained network as fast as it gets on this machine without changing what it computes."""

from __future__ import annotations

import logging
from typing import Literal, cast

import torch
import torch.nn as nn

from monai_nlseg.networks.blocks import ScaledDotProductAttention
from monai_nlseg.networks.folding import fold_batch_norm
from monai_nlseg.networks.kernels import compiled_attention, load_attention_kernel
from monai_nlseg.networks.replace import replace_modules

__all__ = ["CompiledAttention", "channels_last", "optimize_for_inference"]

logger = logging.getLogger(__name__)


class CompiledAttention(nn.Module):
    """:func:`monai_nlseg.networks.kernels.compiled_attention` as a module."""

    def forward(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        return compiled_attention(query, key, value)


def optimize_for_inference(
    network: nn.Module, attention: Literal["auto", "compiled", "torch"] = "auto", compile: bool = False
) -> nn.Module:
    """Evaluation mode, channels-last weights, folded batch norms and the fastest attention; in place.

    Call it with the trained weights loaded: folding changes the state dict. The result differs from the given
    network's by rounding only (logits within 1e-4) and is for inference; do not train, script or save it.

    Args:
        network: any network of the package or another; see :func:`fold_batch_norm` for the norms that are folded.
        attention: "compiled" for the kernel of :mod:`monai_nlseg.networks.kernels` (needs a C++ compiler), "torch"
            for PyTorch's, "auto" for the first where it can be had and the network is on the CPU; why not is logged.
        compile: whether to pass the network through :func:`torch.compile`; the first window then takes a minute.

    Returns:
        The same network; with ``compile`` the compiled one that wraps it.

    Raises:
        ValueError: for another ``attention``.
        RuntimeError: if the kernel was asked for and cannot be compiled.
    """
    if attention not in ("auto", "compiled", "torch"):
        raise ValueError(f"attention {attention!r} is unknown: choose 'auto', 'compiled' or 'torch'.")
    channels_last(fold_batch_norm(network.eval()))
    if attention == "compiled" or (attention == "auto" and _kernel_serves(network)):
        load_attention_kernel()
        replace_modules(network, ScaledDotProductAttention, lambda attention: CompiledAttention())
    if compile:
        return cast(nn.Module, torch.compile(network))
    return network


def channels_last(network: nn.Module) -> nn.Module:
    """Store the weights of 2D and 3D convolutions channels-last, in place; their outputs then are, too."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for parameter in network.parameters():
        if parameter.dim() in formats:
            parameter.data = parameter.data.contiguous(memory_format=formats[parameter.dim()])
    return network


def _kernel_serves(network: nn.Module) -> bool:
    attends = any(isinstance(module, ScaledDotProductAttention) for module in network.modules())
    if not attends or next(network.parameters()).device.type != "cpu":
        return False
    try:
        load_attention_kernel()
    except RuntimeError as error:
        logger.warning("attention runs through PyTorch, which takes about twice as long a window: %s", error)
        return False
    return True
