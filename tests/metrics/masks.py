"""Masks for the tests of metrics, and the formulas written out."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

__all__ = ["brute_lines", "brute_points", "edge", "golden_toy", "mask_pairs"]


def golden_toy(padding: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Prediction and reference (1, 1, 4, 5, 6) of which the published code's values are known."""
    label = np.zeros((4, 5, 6))
    label[1:3, 1:4, 1:5] = 1
    pred = np.zeros((4, 5, 6))
    pred[1:4, 1:3, 2:5] = 1
    pred, label = (torch.from_numpy(np.pad(mask, padding))[None, None] for mask in (pred, label))
    return pred, label


@st.composite
def mask_pairs(draw, min_dims=2, max_dims=3, max_side=6):
    """Two boolean arrays of one shape, from empty to full, unrelated or nearly equal."""
    shape = draw(st.lists(st.integers(1, max_side), min_size=min_dims, max_size=max_dims))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    fractions = st.sampled_from([0.0, 0.05, 0.5, 0.9, 1.0])
    label = rng.random(shape) < draw(fractions)
    pred = label ^ (rng.random(shape) < draw(fractions))
    return pred, label


def brute_lines(pred, label, directed=False):
    """The published formula: every line against every line, along each axis."""
    values = []
    for axis, length in enumerate(label.shape):
        lines = [np.moveaxis(mask, axis, -1).reshape(-1, length).astype(float) for mask in (pred, label)]
        matrix = cdist(*lines)
        forward, backward = matrix.min(axis=1).mean(), matrix.min(axis=0).mean()
        values.append(forward if directed else max(forward, backward))
    return np.mean(values)


def brute_points(pred, label, spacing, directed=False):
    """Every point against every point, of masks that both hold one."""
    matrix = cdist(np.argwhere(pred) * spacing, np.argwhere(label) * spacing)
    forward, backward = matrix.min(axis=1).mean(), matrix.min(axis=0).mean()
    return forward if directed else max(forward, backward)


def edge(mask):
    """The voxels of a mask with a face neighbour outside it or outside the volume."""
    padded = np.pad(mask, 1)
    inside = np.ones_like(padded)
    for axis in range(mask.ndim):
        inside &= np.roll(padded, 1, axis) & np.roll(padded, -1, axis)
    return mask & ~inside[(slice(1, -1),) * mask.ndim]
