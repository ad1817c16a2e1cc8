"""Several trained copies of a network as one network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn as nn
import torch.nn.functional as F


class FoldEnsemble(nn.Module):
    """Several networks whose probabilities are averaged, such as those of the folds of a cross-validation.

    It returns logits whose softmax or sigmoid is that average, so that it takes the place of one of its members
    wherever that is used.

    Args:
        members: networks of the same input and output, such as copies of one with the weights of several folds.
        activation: what turns the members' logits into probabilities, "softmax" or "sigmoid".
        folds: numbers, from 0, of the members that take part; None for all. The others keep their place in the state
            dict.

    Shapes: as the members: images (B, C, *spatial) -> logits (B, classes, *spatial).

    Raises:
        ValueError: for no member, another activation, or folds that are none, repeated or not there.

    Examples::

        >>> import torch
        >>> from monai_nlseg.networks.nets import FoldEnsemble
        >>> members = [torch.nn.Conv2d(1, 2, 1) for _ in range(3)]
        >>> image = torch.rand(1, 1, 8, 8)
        >>> mean = sum(member(image).softmax(1) for member in members) / 3
        >>> torch.allclose(FoldEnsemble(members)(image).softmax(1), mean, atol=1e-6)
        True
    """

    def __init__(
        self,
        members: Sequence[nn.Module],
        activation: Literal["softmax", "sigmoid"] = "softmax",
        folds: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if not members:
            raise ValueError("members is empty: give at least one network.")
        if activation not in ("softmax", "sigmoid"):
            raise ValueError(f"activation {activation!r} is unknown: choose 'softmax' or 'sigmoid'.")
        chosen = list(range(len(members))) if folds is None else [int(fold) for fold in folds]
        if not chosen or len(set(chosen)) < len(chosen) or not set(chosen) <= set(range(len(members))):
            raise ValueError(f"folds is {chosen}: choose different ones of 0 to {len(members) - 1}.")
        self.members = nn.ModuleList(members)
        self.softmax = activation == "softmax"
        self.folds = chosen

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of the mean probabilities.

        Args:
            x: images (B, C, *spatial).
        """
        inside: list[torch.Tensor] = []
        outside: list[torch.Tensor] = []
        for number, member in enumerate(self.members):
            if number in self.folds:
                logits = member(x)
                if self.softmax:
                    inside.append(F.log_softmax(logits, dim=1))
                else:
                    inside.append(F.logsigmoid(logits))
                    outside.append(F.logsigmoid(-logits))
        mean = torch.logsumexp(torch.stack(inside), dim=0)
        if self.softmax:
            return mean - math.log(len(inside))
        return mean - torch.logsumexp(torch.stack(outside), dim=0)
