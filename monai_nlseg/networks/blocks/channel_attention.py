"""Efficient channel attention: each channel is scaled by its maximum or mean and those of its neighbours."""

from __future__ import annotations

import torch
import torch.nn as nn

from monai_nlseg.networks.blocks.variant import Variant, check_variant
from monai_nlseg.networks.checks import check_spatial_dims


class EfficientChannelAttention(nn.Module):
    """Channel attention by a convolution along the channels: ``y = x * sigmoid(conv1d(pool(x)))``.

    Source: the ECA of the adaptive pyramid fusion in "Region-aware Global Context Modeling for Automatic Nerve
    Segmentation from Ultrasound Images", AAAI 2021, after Wang et al., "ECA-Net", CVPR 2020
    (https://arxiv.org/abs/1910.03151).

    Args:
        spatial_dims: 2 or 3.
        kernel_size: number of neighbouring channels that make a weight, odd.
        variant: "released" pools the maximum and has one convolution, as the published code; "paper" pools the mean
            and has two, with a ReLU between them (without one the two would be one convolution). The default is
            what the published weights were trained with.

    Shapes: (B, C, *spatial) -> the same, for any C; the weights are in (0, 1).

    Raises:
        ValueError: for an unsupported ``spatial_dims``, an even kernel or an unknown variant.

    Examples::

        >>> import torch
        >>> from monai_nlseg.networks.blocks import EfficientChannelAttention
        >>> EfficientChannelAttention(spatial_dims=2)(torch.zeros(1, 32, 16, 16)).shape
        torch.Size([1, 32, 16, 16])
    """

    def __init__(self, spatial_dims: int, kernel_size: int = 3, variant: Variant = "released") -> None:
        super().__init__()
        check_variant(variant)
        check_spatial_dims(spatial_dims)
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"kernel_size {kernel_size} has no centre: give an odd number.")
        self.axes = list(range(2, 2 + spatial_dims))
        self.variant = str(variant)
        self.conv: nn.Module = _along_channels(kernel_size)
        if variant == "paper":
            self.conv = nn.Sequential(self.conv, nn.ReLU(inplace=True), _along_channels(kernel_size))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weights(x)

    def weights(self, x: torch.Tensor) -> torch.Tensor:
        """Return the weight of each channel of ``x``: (B, C, *spatial) -> (B, C, 1, ..., 1), in (0, 1)."""
        pooled = x.amax(self.axes) if self.variant == "released" else x.mean(self.axes)
        weights = torch.sigmoid(self.conv(pooled.unsqueeze(1))).squeeze(1)
        for _ in self.axes:
            weights = weights.unsqueeze(-1)
        return weights


def _along_channels(kernel_size: int) -> nn.Module:
    return nn.Conv1d(1, 1, kernel_size, padding=kernel_size // 2, bias=False)
