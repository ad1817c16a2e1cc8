"""Surface metrics of a batch and of a cohort, in which missed structures count."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import torch
from monai.metrics import compute_surface_dice
from monai.metrics.utils import do_metric_reduction
from monai.utils import MetricReduction

from monai_nlseg.metrics.case_metric import CaseMetric
from monai_nlseg.metrics.masks import mask_pair
from monai_nlseg.metrics.spacing import Spacing, voxel_edges
from monai_nlseg.metrics.surface_distances import (
    average_mm,
    hausdorff_mm,
    robust_hausdorff_mm,
    surface_dice,
    surface_distances,
)


@dataclass(frozen=True)
class SurfaceMetrics:
    """Results of :func:`compute_surface_metrics` for each case and class, tensors (B, C).

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
    """A cohort's surface metrics, each reduced to a scalar, (C,) or (B,), with counts of the structures left out.

    Attributes:
        hausdorff: mm, mean over the structures compared; inf if there are none.
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
    """Compute Hausdorff distance, its 95th percentile, average surface distance and surface Dice in one pass.

    The surface of a mask is its voxels with a face neighbour outside it; a voxel at the border of the image is one.
    Where both masks have a structure, the values are those of MONAI's ``compute_hausdorff_distance``,
    ``compute_average_surface_distance(symmetric=True)`` and ``compute_surface_dice``. Where only one has it, the
    distances are inf and the surface Dice is 0, so that a structure that is not found improves no mean (MONAI's
    95th percentile is NaN there, which its means leave out); ``missed`` and ``spurious`` say which. Where neither has
    it, the distances are 0 and the surface Dice is 1.

    Args:
        y_pred: prediction, one-hot (B, C, *spatial), values 0 and 1.
        y: label, the same.
        include_background: measure channel 0 as well.
        spacing: mm from voxel to voxel: one number, one for each spatial axis, or one such sequence for each
            case; None for 1.
        tolerance: mm up to which a piece of the surface counts as found.
        use_subvoxels: how the surface Dice measures the surface, as in MONAI: False counts surface voxels, True adds
            up the areas (in 2D lengths) of a surface that runs between the voxels, in mm, which is the cited
            definition and DeepMind's implementation. The distances do not depend on it.

    Returns:
        :class:`SurfaceMetrics` of tensors (B, C), or (B, C - 1) without the background, on the device of ``y_pred``.

    Raises:
        ValueError: for shapes that differ, values other than 0 and 1, or a spacing or tolerance that is not a length.

    Source: Nikolov et al., Deep learning to achieve clinically applicable segmentation of head and neck anatomy (2018),
    for the surface Dice with ``use_subvoxels``.
    """
    pred, label = mask_pair(y_pred, y, include_background)
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"a tolerance of {tolerance} mm is not a length: give a finite number of at least 0.")
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
    hausdorff, hausdorff95, average, dice = values.unbind(-1)
    return SurfaceMetrics(hausdorff, hausdorff95, average, dice, in_label & ~in_pred, in_pred & ~in_label)


class SurfaceMetric(CaseMetric):
    """Cumulative form of :func:`compute_surface_metrics`.

    A call takes ``spacing`` beside ``y_pred`` and ``y`` and returns the six fields of :class:`SurfaceMetrics`, tensors
    (B, C), in their order; so does ``get_buffer`` for all cases so far.

    Args:
        include_background: measure channel 0 as well.
        tolerance: tolerance of the surface Dice in mm.
        use_subvoxels: measure the surface Dice in area instead of voxels, as it is defined.
        reduction: MONAI's, "none", "mean", "sum", "mean_batch", "sum_batch", "mean_channel" or "sum_channel".
    """

    def __init__(
        self,
        include_background: bool = False,
        tolerance: float = 1.0,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        use_subvoxels: bool = False,
    ) -> None:
        super().__init__(reduction)
        self.include_background = include_background
        self.tolerance = tolerance
        self.use_subvoxels = use_subvoxels

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor, spacing: Spacing = None) -> list[torch.Tensor]:
        metrics = compute_surface_metrics(
            y_pred, y, self.include_background, spacing, self.tolerance, self.use_subvoxels
        )
        return [getattr(metrics, field.name) for field in fields(metrics)]

    def aggregate(self, reduction: MetricReduction | str | None = None) -> SurfaceSummary:
        """Return the mean (or sum) of the cases so far, with the counts of the structures that it leaves out.

        Args:
            reduction: replaces the metric's own. The counts are summed over the axes of the means.

        Raises:
            ValueError: before the first case.
        """
        reduction = MetricReduction(reduction or self.reduction)
        hausdorff, hausdorff95, average, dice, missed, spurious = self.gathered()
        return SurfaceSummary(
            hausdorff=_reduce_distances(hausdorff, reduction),
            hausdorff95=_reduce_distances(hausdorff95, reduction),
            average=_reduce_distances(average, reduction),
            surface_dice=_reduce(dice, reduction)[0],
            compared=_count(~(missed | spurious), reduction),
            missed=_count(missed, reduction),
            spurious=_count(spurious, reduction),
        )


def _structure(
    pred: torch.Tensor, label: torch.Tensor, spacing: np.ndarray, tolerance: float, use_subvoxels: bool
) -> tuple[float, float, float, float]:
    """Return Hausdorff distance, its 95th percentile, average and surface Dice of two masks (*spatial) on the CPU."""
    found = bool(pred.any()), bool(label.any())
    if not all(found):
        return (math.inf, math.inf, math.inf, 0.0) if any(found) else (0.0, 0.0, 0.0, 1.0)
    distances = surface_distances(pred, label, spacing)
    dice = _dice_by_area(pred, label, spacing, tolerance) if use_subvoxels else surface_dice(distances, tolerance)
    return hausdorff_mm(distances), robust_hausdorff_mm(distances, 95), average_mm(distances), dice


def _dice_by_area(pred: torch.Tensor, label: torch.Tensor, spacing: np.ndarray, tolerance: float) -> float:
    """Return MONAI's surface Dice of two masks (*spatial), measured in area, in 2D in length."""
    whole = (mask[None, None] for mask in (pred, label))
    return float(compute_surface_dice(*whole, [tolerance], True, spacing=list(spacing), use_subvoxels=True))


def _reduce_distances(distances: torch.Tensor, reduction: MetricReduction) -> torch.Tensor:
    # MONAI's reduction leaves NaN out, and calls the mean of nothing 0, which is the best distance of all.
    reduced, compared = _reduce(distances.masked_fill(distances.isinf(), math.nan), reduction)
    return torch.where(compared > 0, reduced, math.inf)


def _count(found: torch.Tensor, reduction: MetricReduction) -> torch.Tensor:
    """Count over the axes of the reduction."""
    return _reduce(found.float(), MetricReduction(reduction.value.replace("mean", "sum")))[0].long()


def _reduce(values: torch.Tensor, reduction: MetricReduction) -> tuple[torch.Tensor, torch.Tensor]:
    reduced, counts = do_metric_reduction(values, reduction)
    return reduced.reshape(counts.shape), counts  # MONAI's overall mean has the shape (1,)
