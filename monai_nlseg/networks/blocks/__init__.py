"""Building blocks: one attention idea a file."""

from __future__ import annotations

from monai_nlseg.networks.blocks.global_aggregation import GlobalAggregation, ScaledDotProductAttention
from monai_nlseg.networks.blocks.lightweight_decoder import LightweightResidualSE
from monai_nlseg.networks.blocks.preactivation import AggregationResidualBlock, NormAct, PreactivationResidualBlock
from monai_nlseg.networks.blocks.same_padding import SameConvolution, SameTransposedConvolution

__all__ = [
    "AggregationResidualBlock",
    "GlobalAggregation",
    "LightweightResidualSE",
    "NormAct",
    "PreactivationResidualBlock",
    "SameConvolution",
    "SameTransposedConvolution",
    "ScaledDotProductAttention",
]
