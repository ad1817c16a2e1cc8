"""Residual blocks of the Non-local U-Net: normalisation and activation stand before each convolution."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn as nn
from monai.networks.layers.factories import Conv
from monai.networks.layers.utils import get_act_layer, get_norm_layer

from monai_nlseg.networks.blocks.global_aggregation import GlobalAggregation
from monai_nlseg.networks.blocks.own_aggregation import Aggregation, build_aggregation
from monai_nlseg.networks.blocks.same_padding import SameConvolution, SameTransposedConvolution


class NormAct(nn.Sequential):
    """Normalisation followed by an activation.

    Args:
        spatial_dims: 2 or 3.
        channels: channels of the input.
        norm: MONAI name or (name, arguments) of the normalisation.
        act: MONAI name or (name, arguments) of the activation.
    """

    def __init__(self, spatial_dims: int, channels: int, norm: str | tuple, act: str | tuple) -> None:
        super().__init__()
        self.add_module("norm", get_norm_layer(norm, spatial_dims, channels))
        self.add_module("act", get_act_layer(act))


class PreactivationResidualBlock(nn.Module):
    """norm - act - conv3 - norm - act - conv3, plus a shortcut.

    Source: Non-local U-Nets, section "Residual Blocks", figure 2 (a) and (b). In the published code the projection is
    applied behind the first normalisation and activation, and every encoder block has one, also where size and
    channels stay; decoder blocks add the raw input.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: stride of the first convolution and of the projection, 1 or 2.
        projection: whether the shortcut is a 1x1x1 convolution of the activated input (True) or the input (False).
        short_residual: whether there is a shortcut at all.
        norm: MONAI name or (name, arguments) of the normalisation.
        act: MONAI name or (name, arguments) of the activation.

    Shapes: (B, in_channels, *spatial) -> (B, out_channels, *ceil(spatial / stride)).

    Raises:
        ValueError: when an identity shortcut is asked for although size or channels change.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        projection: bool = True,
        short_residual: bool = True,
        norm: str | tuple = "batch",
        act: str | tuple = "relu6",
    ) -> None:
        super().__init__()
        if short_residual and not projection and (stride != 1 or in_channels != out_channels):
            raise ValueError(
                f"a block of stride {stride} from {in_channels} to {out_channels} channels cannot add its input: "
                "set projection=True."
            )
        self.short_residual = short_residual
        self.norm_act1 = NormAct(spatial_dims, in_channels, norm, act)
        self.conv1 = SameConvolution(spatial_dims, in_channels, out_channels, 3, stride)
        self.norm_act2 = NormAct(spatial_dims, out_channels, norm, act)
        self.conv2 = SameConvolution(spatial_dims, out_channels, out_channels, 3)
        self.projection: nn.Module | None = None
        if short_residual and projection:
            self.projection = Conv[Conv.CONV, spatial_dims](in_channels, out_channels, 1, stride=stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        activated = self.norm_act1(x)
        out = self.conv2(self.norm_act2(self.conv1(activated)))
        if self.projection is not None:
            out += self.projection(activated)
        elif self.short_residual:
            out += x
        return out


class AggregationResidualBlock(nn.Module):
    """norm - act - global aggregation, plus a shortcut: bottom block ("same") and up-sampling block ("up").

    Source: Non-local U-Nets, section "Residual Blocks", figure 2 (c) and (d). The bottom block adds its raw input;
    the up-sampling block adds a transposed convolution (kernel 3, stride 2) of the activated input.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the output.
        upsample: whether the block doubles each axis.
        num_heads: heads of the attention.
        dropout: dropout rate on the attention weights.
        short_residual: whether there is a shortcut.
        norm: MONAI name or (name, arguments) of the normalisation.
        act: MONAI name or (name, arguments) of the activation.
        aggregation: the attention block, see :func:`build_aggregation`.

    Shapes: (B, in_channels, *spatial) -> (B, out_channels, *spatial) or (B, out_channels, *(2 * spatial)).

    Raises:
        ValueError: when the input is to be added although the number of channels changes, or for an attention block
            that does not fit.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        upsample: bool = False,
        num_heads: int = 1,
        dropout: float = 0.0,
        short_residual: bool = True,
        norm: str | tuple = "batch",
        act: str | tuple = "relu6",
        aggregation: Aggregation = GlobalAggregation,
    ) -> None:
        super().__init__()
        if short_residual and not upsample and in_channels != out_channels:
            raise ValueError(
                f"a block from {in_channels} to {out_channels} channels cannot add its input: "
                "give equal channels or short_residual=False."
            )
        self.short_residual = short_residual
        self.norm_act = NormAct(spatial_dims, in_channels, norm, act)
        query: Literal["same", "up"] = "up" if upsample else "same"
        self.aggregation = build_aggregation(
            aggregation, spatial_dims, in_channels, out_channels, query, num_heads, dropout
        )
        # Another block may return its input, or a view of a smaller tensor.
        self.adds_in_place = isinstance(self.aggregation, GlobalAggregation)
        self.projection: nn.Module | None = None
        if short_residual and upsample:
            self.projection = SameTransposedConvolution(spatial_dims, in_channels, out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        activated = self.norm_act(x)
        out = self.aggregation(activated)
        if not self.adds_in_place:
            out = out.clone()
        if self.projection is not None:
            out += self.projection(activated)
        elif self.short_residual:
            out += x
        return out
