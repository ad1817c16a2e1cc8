"""Building blocks, with one attention idea per file."""

from __future__ import annotations

from monai_nlseg.networks.blocks.channel_attention import EfficientChannelAttention
from monai_nlseg.networks.blocks.deformed_nonlocal import DeformedNonLocalBlock
from monai_nlseg.networks.blocks.feature_fusion import AdditiveFusion, MultiscaleFeatureFusion
from monai_nlseg.networks.blocks.global_aggregation import GlobalAggregation, ScaledDotProductAttention
from monai_nlseg.networks.blocks.lightweight_decoder import LightweightResidualSE
from monai_nlseg.networks.blocks.nearest_convolution import NearestConvolution2d, NearestConvolution3d
from monai_nlseg.networks.blocks.nonlocal_block import NonLocalBlock
from monai_nlseg.networks.blocks.preactivation import AggregationResidualBlock, NormAct, PreactivationResidualBlock
from monai_nlseg.networks.blocks.pyramid_fusion import AdaptivePyramidFusion
from monai_nlseg.networks.blocks.region_aggregation import RegionAwarePyramidAggregation
from monai_nlseg.networks.blocks.same_padding import SameConvolution, SameTransposedConvolution
from monai_nlseg.networks.blocks.se_pyramid_pooling import ResidualSEPyramidPooling

__all__ = [
    "AdaptivePyramidFusion",
    "AdditiveFusion",
    "AggregationResidualBlock",
    "DeformedNonLocalBlock",
    "EfficientChannelAttention",
    "GlobalAggregation",
    "LightweightResidualSE",
    "MultiscaleFeatureFusion",
    "NearestConvolution2d",
    "NearestConvolution3d",
    "NonLocalBlock",
    "NormAct",
    "PreactivationResidualBlock",
    "RegionAwarePyramidAggregation",
    "ResidualSEPyramidPooling",
    "SameConvolution",
    "SameTransposedConvolution",
    "ScaledDotProductAttention",
]
