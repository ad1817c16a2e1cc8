"""Make a trained network as fast as it gets on this machine without changing what it computes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal, cast

import torch
import torch.nn as nn

from monai_nlseg.networks.blocks import ScaledDotProductAttention
from monai_nlseg.networks.excitation import has_excitations, replace_excitations
from monai_nlseg.networks.folding import fold_batch_norm
from monai_nlseg.networks.fusing import fuse_convolutions, require_fused_convolution
from monai_nlseg.networks.kernels import (
    compiled_attention,
    load_attention_kernel,
    load_block_kernel,
    load_excitation_kernel,
    load_norm_kernels,
)
from monai_nlseg.networks.mbconv import has_blocks, replace_blocks
from monai_nlseg.networks.norms import clamp_instance_norms, has_instance_norms
from monai_nlseg.networks.replace import replace_modules

logger = logging.getLogger(__name__)


class CompiledAttention(nn.Module):
    """Attention by :func:`monai_nlseg.networks.kernels.compiled_attention`, as a module without parameters."""

    def forward(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        return compiled_attention(query, key, value)


def optimize_for_inference(
    network: nn.Module, attention: Literal["auto", "compiled", "torch"] = "auto", compile: bool = False
) -> nn.Module:
    """Set evaluation mode, fold batch norms, and choose the fastest convolutions, attention and norms, in place.

    Call it with the trained weights loaded: folding changes the state dict. The result differs from the given
    network's by rounding only (logits within 1e-4) and is for inference; do not train, script, trace by
    ``torch.fx`` or save it; PyTorch's ``FlopCounterMode`` does not see its convolutions. A
    ``Sequential`` is taken to be called as a whole. On the CPU, convolutions keep their weights in the layout that
    oneDNN wants and take over activations behind them (:mod:`monai_nlseg.networks.fusing`), and instance norms,
    squeeze-and-excitation and the blocks of 2D EfficientNets and LAEDNet go through kernels of
    :mod:`monai_nlseg.networks.kernels` where they can be had; why not is logged.

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
    # Tensors made under inference_mode do not say when they change: kernels would pack them again in each pass.
    given = any(parameter.is_inference() for parameter in network.parameters())
    with torch.inference_mode(given), torch.no_grad():
        return _optimized(network, attention, compile)


def _optimized(network: nn.Module, attention: str, compile: bool) -> nn.Module:
    channels_last(fold_batch_norm(network.eval()))
    _clamp_norms(network)
    if not compile and has_excitations(network) and _serves(network, load_excitation_kernel, "squeeze-and-excitation"):
        replace_excitations(network)
    if not compile and _serves(network, require_fused_convolution, "each convolution"):  # the compiler fuses by itself
        fuse_convolutions(network)
        if has_blocks(network) and _serves(network, load_block_kernel, "each separable convolution"):
            replace_blocks(network)
    if attention == "compiled":
        load_attention_kernel()
    attends = any(isinstance(module, ScaledDotProductAttention) for module in network.modules())
    if attention == "auto" and attends and _serves(network, load_attention_kernel, "attention"):
        attention = "compiled"
    if attention == "compiled":
        replace_modules(network, ScaledDotProductAttention, lambda attention: CompiledAttention())
    if compile:
        return cast(nn.Module, torch.compile(network))
    return network


def optimize_for_training(network: nn.Module) -> nn.Module:
    """Set channels-last weights and the fastest instance norm, in place; the state dict keeps its names.

    On a CPU where the kernel of :mod:`monai_nlseg.networks.kernels` can be had, instance norms and the activations
    behind them go through it; why not is logged. Elsewhere PyTorch's serve, with the same results to within rounding.

    Args:
        network: any network of the package or another, on the device that it is trained on.

    Returns:
        The same network.
    """
    return _clamp_norms(channels_last(network))


def channels_last(network: nn.Module) -> nn.Module:
    """Store the weights of convolutions channels-last, in place; their outputs then are channels-last, too.

    Args:
        network: network that is changed.

    Returns:
        The same network.
    """
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for parameter in network.parameters():
        if parameter.dim() in formats:
            # Not `contiguous`, which leaves weights of one channel with strides that PyTorch takes for another format.
            packed = torch.empty_like(parameter.data, memory_format=formats[parameter.dim()])
            parameter.data = packed.copy_(parameter.data)
    return network


def _clamp_norms(network: nn.Module) -> nn.Module:
    if has_instance_norms(network) and _serves(network, load_norm_kernels, "instance norm"):
        clamp_instance_norms(network)
    return network


def _serves(network: nn.Module, load: Callable[[], object], what: str) -> bool:
    """Return whether a network is on the CPU and a kernel can be had; say why not."""
    if any(parameter.device.type != "cpu" for parameter in network.parameters()):
        return False
    try:
        load()
    except RuntimeError as error:
        logger.warning("%s runs through PyTorch, which is slower: %s", what, error)
        return False
    return True
