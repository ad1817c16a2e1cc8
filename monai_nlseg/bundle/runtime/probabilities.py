"""Class probabilities from a network's scores, and their entropy."""

from __future__ import annotations

import math

import torch

TINY = 1e-4
HALF = 1e-2
"""Tolerance of sums in half precision."""


def as_probabilities(scores: torch.Tensor, exclusive: bool) -> torch.Tensor:
    """Return scores of a whole image as probabilities: unchanged if they may be such, else their softmax or sigmoid.

    They may be if all lie between 0 and 1, and those of exclusive classes sum to 1 at most (0 where nothing was
    inferred).

    Args:
        scores: (classes, *spatial) logits or probabilities.
        exclusive: whether each voxel has one class (softmax), or each channel is a mask by itself (sigmoid).
    """
    scores = torch.as_tensor(scores).as_subclass(torch.Tensor).float()
    within = scores.min() >= -TINY and scores.max() <= 1 + TINY
    if within and not (exclusive and scores.sum(0).max() > 1 + HALF):
        return scores.clamp(0, 1)
    return scores.softmax(0) if exclusive else scores.sigmoid()


def entropy_map(probabilities: torch.Tensor, exclusive: bool) -> torch.Tensor:
    """Return the entropy of the classes of each voxel over its largest value: 0 is certain, 1 undecided.

    Args:
        probabilities: (classes, *spatial), 0 to 1.
        exclusive: whether the classes of a voxel sum to 1; otherwise the mean of the channels' entropies is returned.

    Returns:
        (*spatial) float32.
    """
    if exclusive:
        return (torch.special.entr(probabilities).sum(0) / math.log(len(probabilities))).clamp(0, 1)
    both = torch.special.entr(probabilities) + torch.special.entr(1 - probabilities)
    return (both.mean(0) / math.log(2)).clamp(0, 1)


def mean_entropy(probabilities: torch.Tensor, exclusive: bool) -> float | None:
    """Return the mean of :func:`entropy_map` over the voxels that are not background; None if all are.

    Args:
        probabilities: (classes, *spatial), 0 to 1; the first class is the background if they are exclusive.
        exclusive: see :func:`entropy_map`.
    """
    # Not argmax, which is slow over channels.
    limit = probabilities[0] if exclusive else 0.5
    foreground = probabilities[exclusive:].amax(0) > limit
    chosen = probabilities[:, foreground]
    return float(entropy_map(chosen, exclusive).mean()) if chosen.shape[1] else None
