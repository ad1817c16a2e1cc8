"""Building blocks: one attention idea a file."""

from __future__ import annotations

from monai_nlseg.networks.blocks.deformed_nonlocal import DeformedNonLocalBlock
from monai_nlseg.networks.blocks.feature_fusion import AdditiveFusion, MultiscaleFeatureFusion
from monai_nlseg.networks.blocks.global_aggregation import GlobalAggregation, ScaledDotProductAttention
from monai_nlseg.networks.blocks.nonlocal_block import NonLocalBlock
from monai_nlseg.networks.blocks.preactivation import AggregationResidualBlock, NormAct, PreactivationResidualBlock
from monai_nlseg.networks.blocks.same_padding import SameConvolution, SameTransposedConvolution
from monai_nlseg.networks.blocks.se_pyramid_pooling import ResidualSEPyramidPooling

__all__ = [
    "AdditiveFusion",
    "AggregationResidualBlock",
    "DeformedNonLocalBlock",
    "GlobalAggregation",
    "MultiscaleFeatureFusion",
    "NonLocalBlock",
    "NormAct",
    "PreactivationResidualBlock",
    "ResidualSEPyramidPooling",
    "SameConvolution",
    "SameTransposedConvolution",
    "ScaledDotProductAttention",
]
