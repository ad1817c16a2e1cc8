"""Fusion of a deep feature map with a shallow one, for the skips of a U-shaped network."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F
from monai.networks.layers.factories import Conv

from monai_nlseg.networks.checks import check_spatial_dims


class AdditiveFusion(nn.Module):
    """``x_low + UP(x_high)``: a 1x1 convolution of the deep map, interpolated linearly to the shallow map's size.

    The convolution stands before the interpolation, which gives the same result at less cost. It is
    :class:`MultiscaleFeatureFusion` without the attention.

    Args:
        spatial_dims: 2 or 3.
        high_channels: channels of the deep map.
        low_channels: channels of the shallow map and of the output.

    Shapes: (B, high_channels, *spatial') and (B, low_channels, *spatial) -> (B, low_channels, *spatial).

    Raises:
        ValueError: for another ``spatial_dims``.
    """

    def __init__(self, spatial_dims: int, high_channels: int, low_channels: int) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        self.mode = "bilinear" if spatial_dims == 2 else "trilinear"
        self.project = Conv[Conv.CONV, spatial_dims](high_channels, low_channels, 1)

    def forward(self, high: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
        return low + F.interpolate(self.project(high), low.shape[2:], mode=self.mode, align_corners=False)


class MultiscaleFeatureFusion(nn.Module):
    """Multiscale feature fusion (MFF) of DNL-Net: the deep map weighs the channels of the shallow one and is added.

    ``out = AV(context(x_high)) x_low + UP(x_high)`` (13) with ``AV = conv1(L2 normalise(mean over voxels))`` (14), a
    vector of channels, and UP as in :class:`AdditiveFusion`.

    Source: "DNL-Net: deformed non-local neural network for blood vessel segmentation", BMC Medical Imaging 22:109
    (2022), equations (13) and (14). The text calls x_high the shallow and x_low the high-level features; the sizes
    close only the other way round: x_high is the decoder's deep map, x_low the encoder's skip. The 1x1 convolution in
    UP is unstated but needed. No sigmoid stands behind (14), as printed: weights may be negative.

    Args:
        spatial_dims: 2 or 3.
        high_channels: channels of the deep map.
        low_channels: channels of the shallow map and of the output.
        context: what the deep map passes through before it is averaged, a module that keeps its channels such as
            :class:`DeformedNonLocalBlock`; None is nothing. It sees the average only: with the block's "outer"
            interpretation, a weighted sum of channel means.

    Shapes: (B, high_channels, *spatial') and (B, low_channels, *spatial) -> (B, low_channels, *spatial).

    Raises:
        ValueError: for another ``spatial_dims``.

    Examples::

        >>> import torch
        >>> from monai_nlseg.networks.blocks import DeformedNonLocalBlock, MultiscaleFeatureFusion
        >>> fusion = MultiscaleFeatureFusion(2, 64, 32, context=DeformedNonLocalBlock(2, 64))
        >>> fusion(torch.zeros(1, 64, 12, 12), torch.zeros(1, 32, 24, 24)).shape
        torch.Size([1, 32, 24, 24])
    """

    def __init__(
        self, spatial_dims: int, high_channels: int, low_channels: int, context: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.context: nn.Module = nn.Identity() if context is None else context
        self.weigh = Conv[Conv.CONV, spatial_dims](high_channels, low_channels, 1)
        self.add = AdditiveFusion(spatial_dims, high_channels, low_channels)

    def forward(self, high: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
        mean = self.context(high).flatten(2).mean(2)
        # The floor lies above float16's smallest number, so that a vector of zeros stays zero.
        direction = F.normalize(mean, dim=1, eps=1e-6)
        weights = self.weigh(direction.reshape(list(mean.shape) + [1] * (high.dim() - 2)))
        return self.add(high, weights * low)
