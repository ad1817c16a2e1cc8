"""Make a trained network as fast as it gets on this machine without changing what it computes."""

from __future__ import annotations

import logging
from typing import Any, Literal, cast

import torch
import torch.nn as nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval

from monai_nlseg.networks.blocks import PreactivationResidualBlock, ScaledDotProductAttention
from monai_nlseg.networks.kernels import compiled_attention, load_attention_kernel
from monai_nlseg.networks.nets import NonLocalUNet
from monai_nlseg.networks.replace import replace_modules

__all__ = ["CompiledAttention", "channels_last", "fold_batch_norm", "optimize_for_inference"]

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
    network's by rounding only (logits within 1e-4) and is for inference; do not train or save it.

    Args:
        network: any network of the package; of another, weights become channels-last and nothing else.
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
    fold_batch_norm(channels_last(network.eval()))
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


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """Fold each batch norm that follows a convolution directly into it, in place.

    In a pre-activation network these are the second of each residual block and the first after the initial
    convolution; the others normalise sums that are needed as they are, too. Other norms stay.

    Raises:
        ValueError: for a network in training mode.
    """
    if network.training:
        raise ValueError("the network is in training mode: batch norms can be folded after network.eval() only.")
    for module in network.modules():
        if isinstance(module, PreactivationResidualBlock):
            module.conv1.conv = _fold(module.conv1.conv, module.norm_act2)
        if isinstance(module, NonLocalUNet):
            # An encoder block's shortcut takes the activated input: nothing else reads the initial convolution.
            module.initial.conv = _fold(module.initial.conv, module.encoder[0].norm_act1)
    return network


def _fold(conv: Any, norm_act: Any) -> nn.Module:
    """``conv`` with the norm of ``norm_act``, a :class:`NormAct`, folded into it, if that is a batch norm."""
    if not isinstance(norm_act.norm, _BatchNorm) or norm_act.norm.running_mean is None:
        return conv
    folded: nn.Module = fuse_conv_bn_eval(conv, norm_act.norm)
    norm_act.norm = nn.Identity()
    return folded


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
