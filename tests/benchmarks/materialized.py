"""The named alternative of the benchmarks: attention whose queries x keys scores are written out.

It is what a reader of the paper writes first, and what the authors' code does. ``nlseg bench`` runs it under MONAI's
``sliding_window_inference``.
"""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F

from monai_nlseg.networks.blocks import ScaledDotProductAttention
from monai_nlseg.networks.replace import replace_modules

__all__ = ["MaterializedAttention", "materialize"]


class MaterializedAttention(nn.Module):
    """``softmax(Q K^T / sqrt(C)) V`` on (B, heads, L, C) operands, one operation after the other."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout

    def forward(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        scores = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(-1, -2))
        weights = F.dropout(scores.softmax(dim=-1), self.dropout, self.training)
        return torch.matmul(weights, value)


def materialize(network: nn.Module) -> nn.Module:
    """Put the materialised attention in the place of every other, in place."""
    return replace_modules(
        network, ScaledDotProductAttention, lambda attention: MaterializedAttention(attention.dropout)
    )
