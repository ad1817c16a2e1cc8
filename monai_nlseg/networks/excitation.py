"""Squeeze-and-excitation as one operation, in place of MONAI's."""

from __future__ import annotations

from typing import TypeGuard

import torch
import torch.nn as nn
import torch.nn.functional as F
from monai.networks.blocks import ChannelSELayer
from monai.networks.blocks.activation import MemoryEfficientSwish, Swish
from monai.networks.nets.efficientnet import MBConvBlock

from monai_nlseg.networks.kernels.excitation import compiled_excitation, serves_excitation
from monai_nlseg.networks.replace import is_altered, is_followed

SWISHES = (nn.SiLU, Swish, MemoryEfficientSwish)


class SqueezeExcitation(nn.Module):
    """Squeeze-and-excitation with swish and sigmoid: ``x * (constant + sigmoid(W2 swish(W1 mean(x))))``.

    Args:
        squeeze: the first layer, a linear one or a convolution of one voxel.
        excite: the second layer.
        residual: whether the image is added to the result.
        inplace: whether the result may overwrite the image, which nothing else must need then.

    Shapes: (B, C, *spatial) -> the same.
    """

    def __init__(self, squeeze: nn.Module, excite: nn.Module, residual: bool, inplace: bool = False) -> None:
        super().__init__()
        first, self.squeeze_bias = _layer(squeeze)
        second, self.excite_bias = _layer(excite)
        wanted = self.squeeze_bias.requires_grad
        self.squeeze = nn.Parameter(first.contiguous(), requires_grad=wanted)
        self.excite = nn.Parameter(second.t().contiguous(), requires_grad=wanted)
        self.constant, self.inplace = float(residual), inplace

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parameters = (self.squeeze, self.squeeze_bias, self.excite, self.excite_bias)
        if self._serves(x):
            return compiled_excitation(x, *parameters, self.constant, self.inplace)
        squeeze, squeeze_bias, excite, excite_bias = parameters
        hidden = F.silu(F.linear(x.mean(tuple(range(2, x.dim()))), squeeze, squeeze_bias))
        gate = torch.sigmoid(F.linear(hidden, excite.t(), excite_bias)) + self.constant
        return x * gate[(...,) + (None,) * (x.dim() - 2)]

    def _serves(self, x: torch.Tensor) -> bool:
        if is_followed(x) or x.is_neg() or x.dim() < 2 or x.shape[1] != self.squeeze.shape[1]:
            return False
        parameters = (self.squeeze, self.squeeze_bias, self.excite, self.excite_bias)
        if torch.is_grad_enabled() and (x.requires_grad or self.squeeze.requires_grad):
            return False
        if not all(_is_plain_memory(parameter) for parameter in parameters):
            return False
        return serves_excitation(x)


def replace_excitations(network: nn.Module) -> nn.Module:
    """Put a :class:`SqueezeExcitation` in the place of those of MONAI's EfficientNets and SE layers, in place.

    Blocks with other activations, hooks or parametrisations stay. Those of EfficientNets overwrite their image, which a
    convolution has just made there.
    """
    for parent in list(network.modules()):
        if isinstance(parent, MBConvBlock) and _is_plain_block(parent):
            # Behind it stands the padding of the next convolution, of one voxel, which pads nothing.
            layers = parent._se_reduce, parent._se_expand
            parent._project_conv_padding = SqueezeExcitation(*layers, residual=False, inplace=True)
            parent.has_se = False
            del parent._se_reduce, parent._se_expand
        for name, child in list(parent._modules.items()):
            if isinstance(child, ChannelSELayer) and _is_plain_layer(child):
                setattr(parent, name, SqueezeExcitation(child.fc[0], child.fc[2], child.add_residual))
    return network


def has_excitations(network: nn.Module) -> bool:
    """Return whether :func:`replace_excitations` would change a network."""
    return any(
        (isinstance(module, MBConvBlock) and _is_plain_block(module))
        or (isinstance(module, ChannelSELayer) and _is_plain_layer(module))
        for module in network.modules()
    )


def _is_plain_block(block: MBConvBlock) -> bool:
    if not block.has_se or type(block).forward is not MBConvBlock.forward or "forward" in vars(block):
        return False
    if is_altered(block._depthwise_conv) or is_altered(block._bn1):  # a hook may keep what would be overwritten
        return False
    padding = type(block._project_conv_padding) is nn.Identity and type(block._se_reduce_padding) is nn.Identity
    return padding and _are_plain(block._swish, block._se_reduce, block._se_expand)


def _is_plain_layer(layer: ChannelSELayer) -> bool:
    if type(layer).forward is not ChannelSELayer.forward or is_altered(layer) or len(layer.fc) != 4:
        return False
    squeeze, act, excite, gate = layer.fc
    return type(gate) is nn.Sigmoid and not is_altered(gate) and _are_plain(act, squeeze, excite)


def _are_plain(act: nn.Module, squeeze: nn.Module, excite: nn.Module) -> bool:
    if any(map(is_altered, (act, squeeze, excite))) or type(act) not in SWISHES:
        return False
    return _is_plain_linear(squeeze) and _is_plain_linear(excite) and getattr(act, "alpha", 1.0) == 1.0


def _is_plain_linear(layer: nn.Module) -> TypeGuard[nn.Linear | nn.Conv2d | nn.Conv3d]:
    if type(layer) not in (nn.Linear, nn.Conv2d, nn.Conv3d) or layer.bias is None:
        return False
    if not isinstance(layer, nn.Conv2d | nn.Conv3d):
        return True
    return layer.weight[0, 0].numel() == 1 and layer.groups == 1


def _is_plain_memory(parameter: torch.Tensor) -> bool:
    return parameter.device.type == "cpu" and parameter.dtype == torch.float32 and parameter.is_contiguous()


def _layer(layer: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weight of a layer as a matrix, and its bias."""
    if not _is_plain_linear(layer):
        raise TypeError(
            f"{type(layer).__name__} is no linear layer with a bias, nor a convolution of one voxel with one."
        )
    assert layer.bias is not None
    return layer.weight.detach().flatten(1), layer.bias
