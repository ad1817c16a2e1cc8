"""Global aggregation: self-attention whose query sets the resolution of the output."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn as nn
import torch.nn.functional as F
from monai.networks.layers.factories import Conv

from monai_nlseg.networks.blocks.same_padding import SameConvolution, SameTransposedConvolution


class ScaledDotProductAttention(nn.Module):
    """``softmax(Q K^T / sqrt(C)) V`` on (B, heads, L, C) operands, with dropout on the weights in training mode.

    It has no parameters; :func:`monai_nlseg.networks.optimize_for_inference` puts a faster one in its place.

    Args:
        dropout: dropout rate, in [0, 1].
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout

    def forward(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(query, key, value, dropout_p=self.dropout if self.training else 0.0)


class GlobalAggregation(nn.Module):
    """Global aggregation block of the Non-local U-Net: each output voxel is a weighted sum over the whole input.

    ``O = softmax(Q K^T / sqrt(C_K / heads)) V`` followed by a 1x1x1 convolution, where keys and values are 1x1x1
    convolutions of the input and the query decides the output's size: a 1x1x1 convolution ("same"), a stride-2
    convolution ("down") or a stride-2 transposed convolution ("up"). No tensor of size queries x keys is held: the
    product runs through :class:`ScaledDotProductAttention` on contiguous (B, heads, L, C) operands.

    Source: Wang, Zou, Shen, Ji, "Non-local U-Nets for Biomedical Image Segmentation", AAAI 2020, section "Global
    Aggregation Block", equations (1) to (4). The paper names no heads; its published code splits the channels into
    ``num_heads`` contiguous chunks and scales by the chunk's width, which is followed here.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the output; defaults to ``in_channels``.
        query: "same" keeps the spatial size, "down" halves it (rounding up), "up" doubles it.
        key_channels: channels C_K of query and key over all heads; defaults to ``out_channels``.
        value_channels: channels C_V of the value over all heads; defaults to ``out_channels``.
        num_heads: number of heads; must divide ``key_channels`` and ``value_channels``.
        dropout: dropout rate on the attention weights, active in training mode only. The paper states 0.5; in its
            published code the dropout never acts, which is what 0.0 reproduces.

    Shapes: (B, in_channels, *spatial) -> (B, out_channels, *spatial'), any value range.

    Raises:
        ValueError: for an unknown ``query``, a dropout outside [0, 1] or channels that the heads do not divide.

    Examples::

        >>> import torch
        >>> from monai_nlseg.networks.blocks import GlobalAggregation
        >>> up = GlobalAggregation(spatial_dims=3, in_channels=64, out_channels=32, query="up")
        >>> up(torch.zeros(1, 64, 4, 4, 4)).shape
        torch.Size([1, 32, 8, 8, 8])
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int | None = None,
        query: Literal["same", "down", "up"] = "same",
        key_channels: int | None = None,
        value_channels: int | None = None,
        num_heads: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        out_channels = in_channels if out_channels is None else out_channels
        key_channels = out_channels if key_channels is None else key_channels
        value_channels = out_channels if value_channels is None else value_channels
        for name, channels in (("key_channels", key_channels), ("value_channels", value_channels)):
            if num_heads < 1 or channels % num_heads:
                raise ValueError(
                    f"{name} {channels} cannot be split into {num_heads} heads: choose heads that divide it."
                )
        if not 0.0 <= dropout <= 1.0:
            raise ValueError(f"dropout {dropout} is not a probability: give a value in [0, 1].")

        self.num_heads = num_heads
        self.query: nn.Module
        if query == "same":
            self.query = Conv[Conv.CONV, spatial_dims](in_channels, key_channels, 1)
        elif query == "down":
            self.query = SameConvolution(spatial_dims, in_channels, key_channels, stride=2, bias=True)
        elif query == "up":
            self.query = SameTransposedConvolution(spatial_dims, in_channels, key_channels, bias=True)
        else:
            raise ValueError(f"query {query!r} is unknown: choose 'same', 'down' or 'up'.")
        self.key = Conv[Conv.CONV, spatial_dims](in_channels, key_channels, 1)
        self.value = Conv[Conv.CONV, spatial_dims](in_channels, value_channels, 1)
        self.attention: nn.Module = ScaledDotProductAttention(dropout)
        self.project = Conv[Conv.CONV, spatial_dims](value_channels, out_channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query = self.query(x)
        aggregated = self.attention(
            self._split_heads(query), self._split_heads(self.key(x)), self._split_heads(self.value(x))
        )
        # (B, heads, L, C) -> (B, L, heads * C) -> (B, heads * C, *spatial): a view in channels-last memory. The axes
        # are split before they are moved: the other way round PyTorch gives a batch of one other strides than it
        # reports to torch.compile, which then leaves out copies that the next block needs.
        tokens = aggregated.transpose(1, 2).flatten(2)
        return self.project(tokens.unflatten(1, query.shape[2:]).movedim(-1, 1))

    def _split_heads(self, x: torch.Tensor) -> torch.Tensor:
        """Turn (B, C, *spatial) into contiguous (B, heads, L, C / heads); no copy for one head in channels-last."""
        tokens = x.flatten(2).transpose(1, 2)
        return tokens.unflatten(2, [self.num_heads, -1]).transpose(1, 2).contiguous()
