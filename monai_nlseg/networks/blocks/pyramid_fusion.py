"""Adaptive pyramid fusion: maps of several resolutions joined at the finest, channels weighted by attention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn as nn
from monai.networks.layers.factories import Conv, Norm

from monai_nlseg.networks.blocks.channel_attention import EfficientChannelAttention
from monai_nlseg.networks.blocks.nearest_convolution import NearestConvolution2d, NearestConvolution3d
from monai_nlseg.networks.blocks.variant import Variant
from monai_nlseg.networks.checks import check_channels


class AdaptivePyramidFusion(nn.Module):
    """Adaptive pyramid fusion (APF): ``F = conv1x1(concat(up(x_0), up(x_1), ...))``, ``y = F + gamma * ECA(F)``.

    The 1x1 convolution is kept in one part per map, and the parts' results are added, which is the same sum without the
    concatenated map. For the same reason "paper" convolves before the up-sampling, which is linear and keeps constants.

    Source: "Region-aware Global Context Modeling for Automatic Nerve Segmentation from Ultrasound Images", AAAI 2021,
    equations (7) and (8), and its published code.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of each map, finest first; a map is half as large as the one before.
        out_channels: channels of the output; defaults to those of the finest map.
        variant: "released" up-samples by nearest neighbour - conv3 - batch norm - ReLU, weighs channels by the
            maximum (:class:`EfficientChannelAttention`) and learns ``gamma`` from 0 on, so that it starts as the
            plain fusion F; "paper" up-samples bilinearly, weighs by the mean and adds at full strength
            (``gamma = 1``). The default is what the published weights were trained with.

    Shapes: list of (B, in_channels[i], *spatial / 2 ** i) -> (B, out_channels, *spatial).

    Raises:
        ValueError: for an unsupported ``spatial_dims``, fewer than two maps, an unknown variant, or given maps of
            another number or of sizes that do not halve.

    Examples::

        >>> import torch
        >>> from monai_nlseg.networks.blocks import AdaptivePyramidFusion
        >>> fusion = AdaptivePyramidFusion(spatial_dims=2, in_channels=(32, 64, 64))
        >>> fusion([torch.zeros(1, 32, 64, 64), torch.zeros(1, 64, 32, 32), torch.zeros(1, 64, 16, 16)]).shape
        torch.Size([1, 32, 64, 64])
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: Sequence[int],
        out_channels: int | None = None,
        variant: Variant = "released",
    ) -> None:
        super().__init__()
        if len(in_channels) < 2:
            raise ValueError(f"in_channels {list(in_channels)} leaves nothing to fuse: give at least two maps.")
        self.attention = EfficientChannelAttention(spatial_dims, variant=variant)
        out_channels = in_channels[0] if out_channels is None else out_channels
        check_channels(out_channels=out_channels, **{f"in_channels[{i}]": count for i, count in enumerate(in_channels)})
        released = variant == "released"
        # Released, the coarse maps have the finest one's channels when they meet the 1x1 convolution.
        widths = [in_channels[0]] * len(in_channels) if released else list(in_channels)
        conv = Conv[Conv.CONV, spatial_dims]
        parts = [conv(width, out_channels, 1, bias=index == 0) for index, width in enumerate(widths)]
        for part in parts:
            # PyTorch's initialisation of the undivided convolution.
            for parameter in part.parameters():
                nn.init.uniform_(parameter, -(sum(widths) ** -0.5), sum(widths) ** -0.5)
        self.parts = nn.ModuleList([parts[0]])
        for level in range(1, len(in_channels)):
            if released:
                enlarged = _enlarge(spatial_dims, in_channels[level], widths[level], 2**level)
                self.parts.append(nn.Sequential(*enlarged, parts[level]))
            else:
                mode = "bilinear" if spatial_dims == 2 else "trilinear"
                upsample = nn.Upsample(scale_factor=float(2**level), mode=mode, align_corners=True)
                self.parts.append(nn.Sequential(parts[level], upsample))
        self.gamma = nn.Parameter(torch.zeros(())) if released else None

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        fused = self.fuse(maps)
        weights = self.attention.weights(fused)
        # One pass over the map: F + gamma * F * weights = F * (1 + gamma * weights).
        if self.gamma is not None:
            weights = self.gamma * weights
        return fused * (1 + weights)

    def fuse(self, maps: list[torch.Tensor]) -> torch.Tensor:
        """Return F, the ``maps`` joined at the size of the finest."""
        if len(maps) != len(self.parts):
            raise ValueError(f"{len(maps)} maps were given, the block was built for {len(self.parts)}: give one each.")
        joined: list[torch.Tensor] = []
        for level, part in enumerate(self.parts):
            enlarged = part(maps[level])
            if enlarged.shape[2:] != maps[0].shape[2:]:
                raise ValueError(
                    f"map {level} becomes {list(enlarged.shape[2:])} up-sampled by {2**level}, the finest map is "
                    f"{list(maps[0].shape[2:])}: give maps that halve."
                )
            joined.append(enlarged)
        fused = joined[0]
        for other in joined[1:]:
            fused += other
        return fused


def _enlarge(spatial_dims: int, in_channels: int, out_channels: int, scale: int) -> list[nn.Module]:
    convolution = NearestConvolution2d if spatial_dims == 2 else NearestConvolution3d
    norm = Norm[Norm.BATCH, spatial_dims](out_channels)
    return [convolution(in_channels, out_channels, scale), norm, nn.ReLU(inplace=True)]
