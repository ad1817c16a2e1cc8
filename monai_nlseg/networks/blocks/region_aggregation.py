"""Region-aware pyramid aggregation: global attention between positions as regions of several sizes see them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn as nn
import torch.nn.functional as F
from monai.networks.blocks.convolutions import Convolution
from monai.networks.layers.factories import Conv, Pool

from monai_nlseg.networks.blocks.global_aggregation import ScaledDotProductAttention
from monai_nlseg.networks.blocks.variant import Variant, check_variant
from monai_nlseg.networks.checks import check_spatial_dims


class RegionAwarePyramidAggregation(nn.Module):
    """Region-aware pyramid aggregation (RPA): one global attention for each size of region, over shared values.

    For each number of regions p the input X is averaged over p x p regions, projected by a 1x1 convolution and
    enlarged linearly (corners aligned) to X's size, R_i. With 1x1 convolutions q, k of R_i and v of X::

        S_i[n] = sum over m of softmax_m(q_i[n] . k_i[m]) v[m]                          (no scaling)
        released: Y = X + gamma * ReLU(BN(conv3(concat(S_1, S_2, ...))))
        paper:    Y = ReLU(BN(conv3(concat(X, S_1, S_2, ...))))

    q and k are convolved on the regions and enlarged afterwards, which is the same because both are linear. No tensor
    of size positions x positions is held (:class:`ScaledDotProductAttention`).

    Source: "Region-aware Global Context Modeling for Automatic Nerve Segmentation from Ultrasound Images", AAAI 2021,
    equations (1) to (6), and its published code.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels C of the input, divisible by 32 ("released") or 4 ("paper").
        regions: for each branch, the number of regions along an axis.
        variant: "released" has no activation behind the projection to C / 4, one q and k of C / 32 channels for all
            branches, and ``gamma`` learnt from 0 on, so that it starts as the identity; "paper" has a ReLU there, q
            and k of C / 4 channels for each branch, and no ``gamma`` (the paper does not say what joins X and the
            S_i: the published code's conv3 - batch norm - ReLU is used). The default is what the published weights
            were trained with. The published code enlarges to 16 x 16 whatever the input; here to the input's size.

    Shapes: (B, C, *spatial) -> the same, any spatial size.

    Raises:
        ValueError: for an unsupported ``spatial_dims``, channels that do not divide, no or empty regions, or an
            unknown variant.

    Examples::

        >>> import torch
        >>> from monai_nlseg.networks.blocks import RegionAwarePyramidAggregation
        >>> RegionAwarePyramidAggregation(spatial_dims=2, in_channels=64)(torch.zeros(1, 64, 16, 16)).shape
        torch.Size([1, 64, 16, 16])
    """

    def __init__(
        self, spatial_dims: int, in_channels: int, regions: Sequence[int] = (3, 7, 11), variant: Variant = "released"
    ) -> None:
        super().__init__()
        check_variant(variant)
        check_spatial_dims(spatial_dims)
        divisor = 32 if variant == "released" else 4
        if in_channels < 1 or in_channels % divisor:
            raise ValueError(f"in_channels {in_channels} is not divisible by {divisor}: give channels that are.")
        if not isinstance(regions, Sequence) or not regions or not all(isinstance(n, int) and n > 0 for n in regions):
            raise ValueError(f"regions {regions!r} is not a list of numbers of regions: give at least one, from 1.")
        released = variant == "released"
        conv = Conv[Conv.CONV, spatial_dims]
        width = in_channels // 4
        key_width = in_channels // 32 if released else width
        self.padding = width - key_width
        # The attention divides by the root of the padded width; the block has no scaling.
        self.scale = width**0.5
        self.mode = "bilinear" if spatial_dims == 2 else "trilinear"

        self.regions = nn.ModuleList()
        for number in regions:
            region = nn.Sequential(Pool[Pool.ADAPTIVEAVG, spatial_dims](number), conv(in_channels, width, 1))
            if not released:
                region.append(nn.ReLU(inplace=True))
                region.append(conv(width, 2 * key_width, 1))
            self.regions.append(region)
        # q in the first half of the channels, k in the second.
        self.query_key = conv(width, 2 * key_width, 1) if released else nn.Identity()
        self.value = conv(in_channels, width, 1)
        self.attention: nn.Module = ScaledDotProductAttention()
        joined = len(regions) * width + (0 if released else in_channels)
        self.fusion = Convolution(
            spatial_dims, joined, in_channels, kernel_size=3, act=("relu", {"inplace": True}), norm="batch", bias=False
        )
        self.gamma = nn.Parameter(torch.zeros(())) if released else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        embedded: list[torch.Tensor] = []
        for region in self.regions:
            query_key = self.query_key(region(x))
            enlarged = F.interpolate(query_key, size=x.shape[2:], mode=self.mode, align_corners=True)
            embedded.append(_tokens(enlarged))
        query, key = torch.stack(embedded, 1).chunk(2, dim=3)
        value = _tokens(self.value(x)).unsqueeze(1).expand(-1, len(embedded), -1, -1)
        # Zeros leave the products as they are, and kernels that hold no scores need one width.
        aggregated = self.attention(
            F.pad(query * self.scale, [0, self.padding]).contiguous(),
            F.pad(key, [0, self.padding]).contiguous(),
            value.contiguous(),
        )
        # (B, branches, L, C) -> (B, L, branches * C) -> (B, branches * C, *spatial): a view in channels-last memory.
        tokens = aggregated.transpose(1, 2).flatten(2)
        context = tokens.unflatten(1, x.shape[2:]).movedim(-1, 1)
        if self.gamma is not None:
            return x + self.gamma * self.fusion(context)
        return self.fusion(torch.cat([x, context], 1))


def _tokens(x: torch.Tensor) -> torch.Tensor:
    """Turn (B, C, *spatial) into (B, L, C)."""
    return x.flatten(2).transpose(1, 2)
