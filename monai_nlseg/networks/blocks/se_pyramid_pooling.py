"""Residual squeeze-and-excitation pyramid pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
import torch.nn as nn
from monai.networks.blocks.squeeze_and_excitation import ChannelSELayer
from monai.networks.layers.factories import Conv

from monai_nlseg.networks.checks import check_spatial_dims

Arrangement = Literal["cascade", "parallel"]


class ResidualSEPyramidPooling(nn.Module):
    """RSEP of DNL-Net: dilated convolutions with squeeze-and-excitation at several rates, fused with the input.

    Unit k is a convolution (kernel 3, dilation d_k) and a squeeze-and-excitation; branch k is ``ReLU(conv1(unit k))``.
    Input and branches are concatenated - the residual of the name - and a 1x1 convolution reduces them to the
    channels of the input.

    Source: "DNL-Net: deformed non-local neural network for blood vessel segmentation", BMC Medical Imaging 22:109
    (2022), section on RSEP. The dilations 1, 6, 12, 12 are as printed (an ASPP would have 18 at the end). "Cascade ...
    gradual increment of the number of atrous convolution and SE" is read as one chain whose k-th output feeds branch
    k; the last 1x1 convolution and the reduction of 16 are not stated. No normalisation is, and none is here.

    Args:
        spatial_dims: 2 or 3.
        channels: channels of input and output.
        dilations: dilation of each unit.
        arrangement: "cascade", each unit takes the one before, or "parallel", each takes the input.
        reduction: divisor of the channels within the squeeze-and-excitation.

    Shapes: (B, channels, *spatial) -> the same, any value range; sizes below the dilation are allowed.

    Raises:
        ValueError: for another ``spatial_dims``, an unknown ``arrangement``, no dilations, or a ``reduction`` that
            leaves no channel.

    Examples::

        >>> import torch
        >>> from monai_nlseg.networks.blocks import ResidualSEPyramidPooling
        >>> ResidualSEPyramidPooling(spatial_dims=2, channels=32)(torch.zeros(1, 32, 6, 6)).shape
        torch.Size([1, 32, 6, 6])
    """

    def __init__(
        self,
        spatial_dims: int,
        channels: int,
        dilations: Sequence[int] = (1, 6, 12, 12),
        arrangement: Arrangement = "cascade",
        reduction: int = 16,
    ) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        if arrangement not in get_args(Arrangement):
            raise ValueError(f"arrangement {arrangement!r} is unknown: choose 'cascade' or 'parallel'.")
        if not dilations or min(dilations) < 1:
            raise ValueError(f"dilations {tuple(dilations)} make no pyramid: give one or more, each at least 1.")
        if not 1 <= reduction <= channels:
            raise ValueError(f"reduction {reduction} leaves no channel of {channels}: choose it in 1 to {channels}.")
        self.cascade = arrangement == "cascade"
        conv = Conv[Conv.CONV, spatial_dims]
        self.units = nn.ModuleList(
            nn.Sequential(
                conv(channels, channels, 3, padding=dilation, dilation=dilation),
                ChannelSELayer(spatial_dims, channels, r=reduction),
            )
            for dilation in dilations
        )
        self.branches = nn.ModuleList(
            nn.Sequential(conv(channels, channels, 1), nn.ReLU(inplace=True)) for _ in dilations
        )
        self.reduce = conv((1 + len(dilations)) * channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts: list[torch.Tensor] = [x]
        out = x
        for unit, branch in zip(self.units, self.branches):
            out = unit(out if self.cascade else x)
            parts.append(branch(out))
        return self.reduce(torch.cat(parts, 1))
