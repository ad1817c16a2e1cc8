"""Distance between two masks, each as a set of points: Dubuisson and Jain's modified Hausdorff distance."""

from __future__ import annotations

import numpy as np
import torch
from monai.metrics.utils import get_mask_edges
from scipy.spatial import KDTree

from monai_nlseg.metrics.boxes import occupied_box


def point_set_distance(
    pred: torch.Tensor, label: torch.Tensor, spacing: np.ndarray, points: str, directed: bool, missing: float
) -> float:
    """Return the larger of the two mean distances from the points of one mask to the nearest point of the other.

    Args:
        pred: boolean (*spatial).
        label: boolean, of the same shape.
        spacing: voxel edge along each axis, in mm or another unit, which the result has too.
        points: "all" foreground voxels or those at its "edge", which have a face neighbour outside.
        directed: only from ``pred`` to ``label``.
        missing: distance where one of the masks is empty.

    Returns:
        Distance in the unit of ``spacing``; 0 where both masks are empty.
    """
    box = occupied_box((pred | label)[None])
    if box is None:
        return 0.0
    if not pred.any() or not label.any():
        return missing
    masks = [mask[box].cpu().numpy() for mask in (pred, label)]
    edges = get_mask_edges(*masks, crop=False)
    sets = edges if points == "edge" else masks
    forward = _mean_nearest(sets[0], sets[1], edges[1], spacing)
    return forward if directed else max(forward, _mean_nearest(sets[1], sets[0], edges[0], spacing))


def _mean_nearest(ours: np.ndarray, theirs: np.ndarray, their_edge: np.ndarray, spacing: np.ndarray) -> float:
    # The point of theirs nearest to one outside lies at their edge: from any other, a step towards it stays within.
    outside = np.argwhere(ours & ~theirs) * spacing
    if len(outside) == 0:
        return 0.0
    distances, _ = KDTree(np.argwhere(their_edge) * spacing).query(outside)
    return float(distances.sum() / np.count_nonzero(ours))
