"""Distances between the surfaces of two masks, and what is computed from them alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from monai.metrics.utils import get_mask_edges, get_surface_distance


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances between two surfaces, float32 arrays with one entry for each surface voxel, in no order.

    Attributes:
        pred_to_label_mm: from each surface voxel of the prediction to the nearest of the label.
        label_to_pred_mm: from each surface voxel of the label to the nearest of the prediction.
    """

    pred_to_label_mm: np.ndarray
    label_to_pred_mm: np.ndarray

    @property
    def both_ways_mm(self) -> np.ndarray:
        """Return the distances of the surface voxels of both masks."""
        return np.concatenate([self.pred_to_label_mm, self.label_to_pred_mm])


def surface_distances(pred: torch.Tensor, label: torch.Tensor, spacing_mm: np.ndarray) -> SurfaceDistances:
    """Measure the distances between the surfaces of two masks.

    The surface of a mask is its voxels with a face neighbour outside it; a voxel at the border of the image is one.

    Args:
        pred: boolean (*spatial) on the CPU, not empty.
        label: the same.
        spacing_mm: voxel edge along each axis.
    """
    pred_edge, label_edge = (np.asarray(edge) for edge in get_mask_edges(pred, label))
    return SurfaceDistances(
        pred_to_label_mm=_distances_mm(pred_edge, label_edge, spacing_mm),
        label_to_pred_mm=_distances_mm(label_edge, pred_edge, spacing_mm),
    )


def hausdorff_mm(distances: SurfaceDistances) -> float:
    """Return the largest distance from a surface voxel of one mask to the surface of the other.

    Args:
        distances: distances of the two masks.
    """
    return float(distances.both_ways_mm.max())


def robust_hausdorff_mm(distances: SurfaceDistances, percent: float) -> float:
    """Return the larger of the two directed percentiles of the distances.

    Args:
        distances: distances of the two masks.
        percent: which percentile, 0 to 100.
    """
    directed = (distances.pred_to_label_mm, distances.label_to_pred_mm)
    return float(max(np.percentile(each, percent) for each in directed))


def average_mm(distances: SurfaceDistances) -> float:
    """Return the mean distance over the surface voxels of both masks.

    Args:
        distances: distances of the two masks.
    """
    return float(distances.both_ways_mm.mean(dtype=np.float64))


def surface_dice(distances: SurfaceDistances, tolerance_mm: float) -> float:
    """Return the share of the surface voxels of both masks that lie within a tolerance, 0 to 1.

    Args:
        distances: distances of the two masks.
        tolerance_mm: largest distance at which a surface voxel counts as found.
    """
    # float32, as in MONAI: a distance of three times 0.1 mm is then within a tolerance of 0.3.
    return float(np.mean(distances.both_ways_mm <= np.float32(tolerance_mm)))


def _distances_mm(start: np.ndarray, end: np.ndarray, spacing_mm: np.ndarray) -> np.ndarray:
    """Measure the distance from each surface voxel of ``start`` to the nearest of ``end``."""
    apart = start & ~end
    distances = np.zeros(np.count_nonzero(start), np.float32)
    if apart.any():  # voxels on both surfaces are at distance 0 and need no search
        distances[: np.count_nonzero(apart)] = get_surface_distance(apart, end, spacing=spacing_mm)
    return distances
