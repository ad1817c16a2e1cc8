"""Building blocks: one attention idea a file."""

from __future__ import annotations

from monai_nlseg.networks.blocks.channel_attention import EfficientChannelAttention
from monai_nlseg.networks.blocks.global_aggregation import GlobalAggregation, ScaledDotProductAttention
from monai_nlseg.networks.blocks.lightweight_decoder import LightweightResidualSE
from monai_nlseg.networks.blocks.nearest_convolution import NearestConvolution2d, NearestConvolution3d
from monai_nlseg.networks.blocks.preactivation import AggregationResidualBlock, NormAct, PreactivationResidualBlock
from monai_nlseg.networks.blocks.pyramid_fusion import AdaptivePyramidFusion
from monai_nlseg.networks.blocks.region_aggregation import RegionAwarePyramidAggregation
from monai_nlseg.networks.blocks.same_padding import SameConvolution, SameTransposedConvolution

__all__ = [
    "AdaptivePyramidFusion",
    "AggregationResidualBlock",
    "EfficientChannelAttention",
    "GlobalAggregation",
    "LightweightResidualSE",
    "NearestConvolution2d",
    "NearestConvolution3d",
    "NormAct",
    "PreactivationResidualBlock",
    "RegionAwarePyramidAggregation",
    "SameConvolution",
    "SameTransposedConvolution",
    "ScaledDotProductAttention",
]
