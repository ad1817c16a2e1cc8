"""Voxel sizes as users give them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Spacing = float | Sequence[float] | Sequence[Sequence[float]] | np.ndarray | None


def voxel_edges(spacing: Spacing, cases: int, axes: int) -> np.ndarray:
    """Return the voxel edges of each case in mm, float64 (cases, axes).

    Args:
        spacing: a number, one for each spatial axis, or such a row for each case; None for 1.
        cases: number of cases.
        axes: number of spatial axes.

    Raises:
        ValueError: for values that are not numbers, not positive and finite, or do not fit the cases and axes.
    """
    try:
        edges = np.broadcast_to(np.asarray(1.0 if spacing is None else spacing, dtype=float), (cases, axes))
    except (TypeError, ValueError):
        edges = np.zeros(1)
    if not (np.isfinite(edges) & (edges > 0)).all():
        raise ValueError(
            f"spacing is {spacing}, expected a positive number, {axes} of them or a row of {axes} for each of {cases} "
            "cases: give the voxel edges in mm."
        )
    return edges
