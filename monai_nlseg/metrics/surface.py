"""Distances between surfaces that do not forget a missed structure."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import torch
from monai.metrics import CumulativeIterationMetric, compute_surface_dice
from monai.metrics.utils import do_metric_reduction, get_mask_edges, get_surface_distance
from monai.utils import MetricReduction

from monai_nlseg.metrics.masks import mask_pair
from monai_nlseg.metrics.spacing import Spacing, voxel_edges

__all__ = ["SurfaceMetric", "SurfaceMetrics", "SurfaceSummary", "compute_surface_metrics"]


@dataclass(frozen=True)
class SurfaceMetrics:
    """What :func:`compute_surface_metrics` measures of each case and class, tensors (B, C).

    Attributes:
        hausdorff: mm, the largest distance from a surface voxel of one mask to the surface of the other.
        hausdorff95: mm, the larger of the two directed 95th percentiles.
        average: mm, the mean over the surface voxels of both masks.
        surface_dice: 0 to 1, the share of the surface of both masks that lies within the tolerance, in voxels or in
            area (``use_subvoxels``).
        missed: the label has the structure, the prediction does not; boolean.
        spurious: the prediction has the structure, the label does not; boolean.
    """

    hausdorff: torch.Tensor
    hausdorff95: torch.Tensor
    average: torch.Tensor
    surface_dice: torch.Tensor
    missed: torch.Tensor
    spurious: torch.Tensor


@dataclass(frozen=True)
class SurfaceSummary:
    """A cohort's surface metrics, each reduced to a scalar, (C,) or (B,), with what the distances leave out.

    Attributes:
        hausdorff: mm, mean over the structures compared; inf where there are none.
        hausdorff95: mm, likewise.
        average: mm, likewise.
        surface_dice: mean over all structures, a missed or spurious one counted as 0.
        compared: number of structures that both masks have or both lack.
        missed: number of structures that only the label has.
        spurious: number of structures that only the prediction has.
    """

    hausdorff: torch.Tensor
    hausdorff95: torch.Tensor
    average: torch.Tensor
    surface_dice: torch.Tensor
    compared: torch.Tensor
    missed: torch.Tensor
    spurious: torch.Tensor


def compute_surface_metrics(
    y_pred: torch.Tensor,
    y: torch.Tensor,
    include_background: bool = False,
    spacing: Spacing = None,
    tolerance: float = 1.0,
    use_subvoxels: bool = False,
) -> SurfaceMetrics:
    """Hausdorff distance, its 95th percentile, average surface distance and surface Dice from one pass of distances.

    The surface of a mask is its voxels with a face neighbour outside it; a voxel at the border of the image is one.
    Where both masks have a structure, the values are those of MONAI's ``compute_hausdorff_distance``,
    ``compute_average_surface_distance(symmetric=True)`` and ``compute_surface_dice``. Where only one has it, the
    distances are inf and the surface Dice is 0, so that no mean improves by a structure that is not found (MONAI's
    95th percentile is NaN there, which its means leave out); ``missed`` and ``spurious`` say which. Where neither has
    it, the distances are 0 and the surface Dice is 1.

    Args:
        y_pred: prediction, one-hot (B, C, *spatial), values 0 and 1.
        y: label, the same.
        include_background: measure channel 0 as well.
        spacing: mm from voxel to voxel: one number, one a spatial axis, or one such sequence a case; None for 1.
        tolerance: mm up to which a piece of the surface counts as found.
        use_subvoxels: how the surface Dice measures the surface, as in MONAI: False counts surface voxels, True adds
            up the areas (in 2D lengths) of a surface that runs between the voxels, in mm, which is the cited
            definition and DeepMind's implementation. The distances do not depend on it.

    Returns:
        :class:`SurfaceMetrics` of tensors (B, C), or (B, C - 1) without the background, on the device of ``y_pred``.

    Raises:
        ValueError: for shapes that differ, values other than 0 and 1, or a spacing or tolerance that is no length.

    Source: Nikolov et al., Deep learning to achieve clinically applicable segmentation of head and neck anatomy (2018),
    for the surface Dice with ``use_subvoxels``.
    """
    pred, label = mask_pair(y_pred, y, include_background)
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"a tolerance of {tolerance} mm is no length: give a finite number of at least 0.")
    spacings = voxel_edges(spacing, len(pred), pred.dim() - 2)
    device = pred.device
    # On CUDA tensors MONAI transforms the whole volume, on the CPU if cuCIM is missing, instead of asking a tree.
    pred, label = pred.cpu(), label.cpu()
    values = torch.tensor(
        [
            [_structure(*masks, spacings[case], tolerance, use_subvoxels) for masks in zip(pred[case], label[case])]
            for case in range(len(pred))
        ]
    ).to(device)
    in_pred, in_label = (mask.flatten(2).any(-1).to(device) for mask in (pred, label))
    hausdorff, hausdorff95, average, surface_dice = values.unbind(-1)
    return SurfaceMetrics(hausdorff, hausdorff95, average, surface_dice, in_label & ~in_pred, in_pred & ~in_label)


class SurfaceMetric(CumulativeIterationMetric):
    """Cumulative form of :func:`compute_surface_metrics`.

    A call takes ``spacing`` beside ``y_pred`` and ``y`` and returns the six fields of :class:`SurfaceMetrics`, tensors
    (B, C), in their order; so does ``get_buffer`` for all cases so far.

    Args:
        include_background: measure channel 0 as well.
        tolerance: mm, of the surface Dice.
        use_subvoxels: measure the surface Dice in area instead of voxels, as its definition has it.
        reduction: MONAI's, "none", "mean", "sum", "mean_batch", "sum_batch", "mean_channel" or "sum_channel".
    """

    def __init__(
        self,
        include_background: bool = False,
        tolerance: float = 1.0,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        use_subvoxels: bool = False,
    ) -> None:
        super().__init__()
        self.include_background = include_background
        self.tolerance = tolerance
        self.reduction = reduction
        self.use_subvoxels = use_subvoxels

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor, spacing: Spacing = None) -> list[torch.Tensor]:
        metrics = compute_surface_metrics(
            y_pred, y, self.include_background, spacing, self.tolerance, self.use_subvoxels
        )
        return [getattr(metrics, field.name) for field in fields(metrics)]

    def aggregate(self, reduction: MetricReduction | str | None = None) -> SurfaceSummary:
        """Mean (or sum) of the cases so far, with the counts of what it leaves out.

        Args:
            reduction: in place of the metric's own. The counts are summed over what the means run over.

        Raises:
            ValueError: before the first case.
        """
        buffers = self.get_buffer()
        if buffers is None:
            raise ValueError("no case has been compared yet: call the metric with a prediction and a label first.")
        reduction = MetricReduction(reduction or self.reduction)
        hausdorff, hausdorff95, average, surface_dice, missed, spurious = buffers
        return SurfaceSummary(
            hausdorff=_reduce_distances(hausdorff, reduction),
            hausdorff95=_reduce_distances(hausdorff95, reduction),
            average=_reduce_distances(average, reduction),
            surface_dice=_reduce(surface_dice, reduction)[0],
            compared=_count(~(missed | spurious), reduction),
            missed=_count(missed, reduction),
            spurious=_count(spurious, reduction),
        )


def _structure(
    pred: torch.Tensor, label: torch.Tensor, spacing: np.ndarray, tolerance: float, use_subvoxels: bool
) -> tuple[float, float, float, float]:
    """Hausdorff, its 95th percentile, average and surface Dice of two masks (*spatial) on the CPU."""
    found = bool(pred.any()), bool(label.any())
    if not all(found):
        return (math.inf, math.inf, math.inf, 0.0) if any(found) else (0.0, 0.0, 0.0, 1.0)
    edges = [np.asarray(edge) for edge in get_mask_edges(pred, label)]
    # float32, as MONAI has it: a distance of three times 0.1 mm is then within a tolerance of 0.3.
    there, back = (_distances(start, end, spacing) for start, end in (edges, reversed(edges)))
    both = np.concatenate([there, back])
    surface_dice = float(np.mean(both <= np.float32(tolerance)))
    if use_subvoxels:
        whole = (mask[None, None] for mask in (pred, label))
        surface_dice = float(compute_surface_dice(*whole, [tolerance], True, spacing=list(spacing), use_subvoxels=True))
    return (
        float(both.max()),
        float(max(np.percentile(there, 95), np.percentile(back, 95))),
        float(both.mean(dtype=np.float64)),
        surface_dice,
    )


def _distances(start: np.ndarray, end: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """mm from each surface voxel of ``start`` to the nearest of ``end``, in no order."""
    apart = start & ~end
    distances = np.zeros(np.count_nonzero(start), np.float32)
    if apart.any():  # what the surfaces share is at 0 and need not be searched
        distances[: np.count_nonzero(apart)] = get_surface_distance(apart, end, spacing=spacing)
    return distances


def _reduce_distances(distances: torch.Tensor, reduction: MetricReduction) -> torch.Tensor:
    # MONAI's reduction leaves NaN out, and calls the mean of nothing 0, which is the best distance of all.
    reduced, compared = _reduce(distances.masked_fill(distances.isinf(), math.nan), reduction)
    return torch.where(compared > 0, reduced, math.inf)


def _count(found: torch.Tensor, reduction: MetricReduction) -> torch.Tensor:
    """Sum over the axes that the reduction runs over."""
    return _reduce(found.float(), MetricReduction(reduction.value.replace("mean", "sum")))[0].long()


def _reduce(values: torch.Tensor, reduction: MetricReduction) -> tuple[torch.Tensor, torch.Tensor]:
    reduced, counts = do_metric_reduction(values, reduction)
    return reduced.reshape(counts.shape), counts  # MONAI's overall mean has the shape (1,)
