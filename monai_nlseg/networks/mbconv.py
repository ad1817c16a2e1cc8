"""Blocks of depthwise-separable convolutions as single operations, in place of EfficientNet's and LAEDNet's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn as nn
from monai.networks.nets.efficientnet import MBConvBlock

from monai_nlseg.networks.blocks.lightweight_decoder import LightweightResidualSE
from monai_nlseg.networks.excitation import SWISHES, SqueezeExcitation
from monai_nlseg.networks.fusing import FusedConvolution, state
from monai_nlseg.networks.kernels.mbconv import STRIDES, TAPS, PackedBlock, SeparableBlock, compiled_block
from monai_nlseg.networks.replace import is_altered, is_plain_sequential


class SeparableConvolution:
    """The layers of a block of 2D images as one operation, on weights in a layout of its own.

    Weights that change are brought into the layout again, as by :class:`FusedConvolution`.

    Args:
        expand: the first convolution; None for none.
        depthwise: the depthwise convolution.
        excitation: squeeze-and-excitation behind it; None for none.
        project: the last convolution.
        residual: whether the image is added to the result.
    """

    def __init__(
        self,
        expand: FusedConvolution | None,
        depthwise: FusedConvolution,
        excitation: SqueezeExcitation | None,
        project: FusedConvolution,
        residual: bool = False,
    ) -> None:
        self.expand, self.depthwise, self.excitation, self.project = expand, depthwise, excitation, project
        self.residual = residual
        self.layers = [layer for layer in (expand, depthwise, excitation, project) if layer is not None]
        self._packed: tuple[Any, PackedBlock | None] = None, None

    def __call__(self, *images: torch.Tensor) -> torch.Tensor | None:
        """Compute (B, C, H, W) from one image, or from two with the channels of one; None where it does not serve."""
        if not all(map(self.serves, images)) or len({(image.shape[0], *image.shape[2:]) for image in images}) > 1:
            return None
        size = self._size(images[0])
        if sum(image.shape[1] for image in images) != self._channels() or min(size) < 1:
            return None
        parameters = [parameter for layer in self.layers for parameter in layer._parameters.values()]
        if torch.is_grad_enabled() and any(given is not None and given.requires_grad for given in parameters):
            return None
        if any(layer._forward_hooks or layer._forward_pre_hooks for layer in self.layers):
            return None
        of = [*map(state, parameters)]
        if self._packed[0] != of:
            self._packed = of, self._pack(parameters)
        packed = self._packed[1]
        return None if packed is None else compiled_block(packed, images, size)

    def serves(self, image: torch.Tensor) -> bool:
        """Return whether an image has the kind, not yet the size, that the operation takes."""
        return image.dtype == self.depthwise.serves(image) == torch.float32 and not image.is_neg()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_packed": (None, None)}  # which cannot be copied, and is made again

    def _channels(self) -> int:
        return (self.depthwise.weight if self.expand is None else self.expand.weight[0]).shape[0]

    def _size(self, image: torch.Tensor) -> tuple[int, int]:
        padding, (stride, _), *_ = self.depthwise.options
        height, width = (
            (size + 2 * pad - taps) // stride + 1
            for size, pad, taps in zip(image.shape[2:], padding, self.depthwise.weight.shape[2:])
        )
        return height, width

    def _pack(self, parameters: Sequence[torch.Tensor | None]) -> PackedBlock | None:
        """Return the weights in the kernel's layout; None for weights whose products with zeros are no zeros."""
        if not all(given is None or bool(given.isfinite().all()) for given in parameters):
            return None
        se, conv, shift = self.excitation, self.depthwise, self.depthwise.shift
        weight = conv.weight.detach()
        for axis, (first, taps) in enumerate(zip(shift, conv.kernel_size), 2):  # without the taps of zero
            weight = weight.narrow(axis, first, taps)
        return PackedBlock(
            SeparableBlock(
                expand=None if self.expand is None else _layer(self.expand),
                depthwise=(weight, _layer(conv)[1]),
                excitation=None
                if se is None
                else (se.squeeze.detach(), se.squeeze_bias.detach(), se.excite.detach(), se.excite_bias.detach()),
                project=_layer(self.project),
                stride=conv.stride[0],
                before=(conv.options[0][0] - shift[0], conv.options[0][1] - shift[1]),
                residual=self.residual,
                swish=not isinstance(self.project.act, nn.Identity),
            )
        )


class CompiledMBConv(nn.Module):
    """MONAI's MBConv block in one operation where that serves.

    Shapes: as the block's.
    """

    def __init__(self, block: MBConvBlock) -> None:
        super().__init__()
        self.block = block
        expand = block._expand_conv if block.expand_ratio != 1 else None
        residual = block.id_skip and block.stride == 1 and block.in_channels == block.out_channels
        layers = expand, block._depthwise_conv, block._project_conv_padding, block._project_conv
        self.operation = SeparableConvolution(*layers, residual=residual)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.operation(x)
        return self.block(x) if out is None else out


class CompiledLRSE(nn.Module):
    """LAEDNet's decoder block in two operations where they serve, with recalibration at its end or none.

    Shapes: as the block's.
    """

    def __init__(self, block: LightweightResidualSE) -> None:
        super().__init__()
        self.block = block
        self.operation = SeparableConvolution(None, block.depthwise.conv, None, block.pointwise.conv)

    def forward(self, high: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
        serves = self.operation.serves(high) and self.operation.serves(low)
        out = self.operation(self.block.upsample(high), low) if serves else None
        return self.block(high, low) if out is None else self.block.se_post(out)


def replace_blocks(network: nn.Module) -> nn.Module:
    """Put compiled blocks in the place of EfficientNet's and LAEDNet's decoder blocks of 2D images, in place.

    Fuse their convolutions and squeeze-and-excitation first: blocks in which these are not fused stay, and so do those
    with hooks or a forward of their own.
    """
    for parent in list(network.modules()):
        for name, child in list(parent._modules.items()):
            if make := _replacement(child):
                setattr(parent, name, make())
    return network


def has_blocks(network: nn.Module) -> bool:
    """Return whether :func:`replace_blocks` would change a network."""
    return any(_replacement(module) for module in network.modules())


def _replacement(module: nn.Module | None) -> Callable[[], nn.Module] | None:
    """Return what makes the block that takes the place of a module; None if none does."""
    if isinstance(module, MBConvBlock) and _is_plain_mbconv(module):
        return partial(CompiledMBConv, module)
    if isinstance(module, LightweightResidualSE) and _is_plain_lrse(module):
        return partial(CompiledLRSE, module)
    return None


def _is_plain_mbconv(block: MBConvBlock) -> bool:
    if type(block).forward is not MBConvBlock.forward or is_altered(block) or block.has_se:
        return False
    # Squeeze-and-excitation is where the last padding was.
    between = block._bn0, block._bn1, block._bn2, block._expand_conv_padding, block._depthwise_conv_padding
    if not _are_empty(*between, block._swish) or type(block._project_conv_padding) is not SqueezeExcitation:
        return False
    if block.expand_ratio != 1 and not _is_pointwise(block._expand_conv, SWISHES):
        return False
    return _is_depthwise(block._depthwise_conv) and _is_pointwise(block._project_conv, (nn.Identity,))


def _is_plain_lrse(block: LightweightResidualSE) -> bool:
    if type(block).forward is not LightweightResidualSE.forward or is_altered(block):
        return False
    for parent in (block.depthwise, block.pointwise):
        if list(parent._modules) != ["conv", "adn"] or not all(map(is_plain_sequential, (parent, parent.adn))):
            return False
        if is_altered(parent) or is_altered(parent.adn) or not _are_empty(*parent.adn.children()):
            return False
    return (
        _are_empty(block.se_pre)
        and _is_depthwise(block.depthwise.conv)
        and _is_pointwise(block.pointwise.conv, (*SWISHES, nn.Identity))
    )


def _are_empty(*modules: nn.Module) -> bool:
    return all(type(module) is nn.Identity and not is_altered(module) for module in modules)


def _is_depthwise(conv: nn.Module) -> bool:
    if not isinstance(conv, FusedConvolution) or is_altered(conv) or type(conv.act) not in SWISHES:
        return False
    if conv.weight.dim() != 4 or not conv.groups == conv.in_channels == conv.out_channels:
        return False
    square = len({conv.kernel_size, conv.kernel_size[::-1]}) == len({conv.stride, conv.stride[::-1]}) == 1
    return square and conv.kernel_size[0] in TAPS and conv.stride[0] in STRIDES and set(conv.dilation) == {1}


def _is_pointwise(conv: nn.Module, acts: tuple[type[nn.Module], ...]) -> bool:
    if not isinstance(conv, FusedConvolution) or is_altered(conv) or type(conv.act) not in acts:
        return False
    padding, stride, _, groups = conv.options
    return conv.weight.shape[2:].numel() == 1 and not any(padding) and set(stride) == {1} and groups == 1


def _layer(conv: FusedConvolution) -> tuple[torch.Tensor, torch.Tensor | None]:
    return conv.weight.detach(), None if conv.bias is None else conv.bias.detach()
