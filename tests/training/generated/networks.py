"""A network whose answer is known."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.layers.factories import Conv
from torch import nn


class Fixed(nn.Module):
    """Logits that are a linear function of the channels of a voxel.

    Args:
        weights: for each logit the weight of each channel.
        bias: for each logit what is added.
        spatial_dims: 2 or 3.
    """

    def __init__(self, weights: Sequence[Sequence[float]], bias: Sequence[float], spatial_dims: int) -> None:
        super().__init__()
        self.conv = Conv[Conv.CONV, spatial_dims](len(weights[0]), len(weights), 1)
        ones = [1] * spatial_dims
        self.conv.weight = nn.Parameter(torch.tensor(weights).float().reshape(len(weights), -1, *ones))
        self.conv.bias = nn.Parameter(torch.tensor(bias).float())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)
