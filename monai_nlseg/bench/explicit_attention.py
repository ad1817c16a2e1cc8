"""Explicit attention: the alternative of the benchmarks, which computes and stores all scores of queries x keys.

It is what a reader of the paper writes first, and what the authors' code does. ``nlseg bench`` runs it under MONAI's
``sliding_window_inference``.
"""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F

from monai_nlseg.networks.blocks import ScaledDotProductAttention
from monai_nlseg.networks.replace import replace_modules


class ExplicitAttention(nn.Module):
    """``softmax(Q K^T / sqrt(C)) V`` on (B, heads, L, C) operands, one operation after the other.

    Args:
        dropout: share of the weights that is set to zero in training, 0 to 1.
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout

    def forward(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Return the attended values, (B, heads, Lq, C).

        Args:
            query: (B, heads, Lq, C).
            key: (B, heads, Lk, C).
            value: (B, heads, Lk, C).
        """
        scores = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(-1, -2))
        weights = F.dropout(scores.softmax(dim=-1), self.dropout, self.training)
        return torch.matmul(weights, value)


def use_explicit_attention(network: nn.Module) -> nn.Module:
    """Replace every attention of the network by :class:`ExplicitAttention`, in place.

    Args:
        network: network to change.

    Returns:
        The same network.
    """
    return replace_modules(network, ScaledDotProductAttention, lambda attention: ExplicitAttention(attention.dropout))
