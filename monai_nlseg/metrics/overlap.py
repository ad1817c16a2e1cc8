"""Overlap and pixel metrics from exact counts of agreement, of each case or pooled."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from monai.utils import MetricReduction

from monai_nlseg.metrics.case_metric import CaseMetric
from monai_nlseg.metrics.masks import mask_pair, region_mask

OVERLAP_METRICS = ("dice", "iou", "mean_iou", "sensitivity", "specificity", "accuracy")
"""Names that :class:`OverlapMetric` accepts: the properties of :class:`ConfusionCounts`."""


@dataclass(frozen=True)
class ConfusionCounts:
    """Numbers of voxels on which prediction and label agree and differ, int64 tensors (B, C), and metrics from them.

    The metrics are float64 tensors (B, C), values 0 to 1, and NaN where they are not defined; MONAI's reductions leave
    NaN out and count it (``get_not_nans``).

    Attributes:
        true_positives: in both.
        false_positives: in the prediction only.
        false_negatives: in the label only.
        true_negatives: in neither.
    """

    true_positives: torch.Tensor
    false_positives: torch.Tensor
    false_negatives: torch.Tensor
    true_negatives: torch.Tensor

    def pooled(self) -> ConfusionCounts:
        """Return the counts of all cases together, (1, C)."""
        return ConfusionCounts(
            self.true_positives.sum(0, keepdim=True),
            self.false_positives.sum(0, keepdim=True),
            self.false_negatives.sum(0, keepdim=True),
            self.true_negatives.sum(0, keepdim=True),
        )

    @property
    def dice(self) -> torch.Tensor:
        """Return the Dice ratio 2 |X n Y| / (|X| + |Y|); 1 where both are empty, 0 where one is.

        Source: Non-local U-Nets (AAAI-20), evaluation; LAEDNet (2022), DSC.
        """
        twice = 2 * self.true_positives
        return _ratio(twice, twice + self.false_positives + self.false_negatives, empty=1.0)

    @property
    def iou(self) -> torch.Tensor:
        """Return |X n Y| / |X u Y|; 1 where both are empty, 0 where one is. Source: LAEDNet (2022)."""
        union = self.true_positives + self.false_positives + self.false_negatives
        return _ratio(self.true_positives, union, empty=1.0)

    @property
    def mean_iou(self) -> torch.Tensor:
        """Return the mean of the IoU over the classes that occur, (B, 1); NaN where none does.

        It needs the counts of every class: ``include_background=True``, or the single channel of a binary problem,
        whose other class is the background. A class that is in neither the prediction nor the label is left out: its
        IoU of 1 would raise the mean.

        Source: DNL-Net (2022), eq. (16), whose sum over k + 1 classes is printed divided by k; here by their number.
        """
        hits, differing = self.true_positives, self.false_positives + self.false_negatives
        if hits.shape[1] == 1:
            hits = torch.cat([self.true_negatives, hits], dim=1)
        return _ratio(hits, hits + differing, empty=math.nan).nanmean(dim=1, keepdim=True)

    @property
    def sensitivity(self) -> torch.Tensor:
        """Return the share of the label that is found; NaN where the label is empty.

        Source: DNL-Net (2022), pooled; RAGCM.
        """
        return _ratio(self.true_positives, self.true_positives + self.false_negatives, empty=math.nan)

    @property
    def specificity(self) -> torch.Tensor:
        """Return the share of the voxels outside the label that the prediction leaves out; NaN where there are none.

        Source: as sensitivity.
        """
        return _ratio(self.true_negatives, self.true_negatives + self.false_positives, empty=math.nan)

    @property
    def accuracy(self) -> torch.Tensor:
        """Return the share of the voxels that agree; NaN where none was evaluated. Source: as sensitivity."""
        agreeing = self.true_positives + self.true_negatives
        return _ratio(agreeing, agreeing + self.false_positives + self.false_negatives, empty=math.nan)


def count_confusion(
    y_pred: torch.Tensor, y: torch.Tensor, include_background: bool = False, mask: torch.Tensor | None = None
) -> ConfusionCounts:
    """Count the agreement of two one-hot masks, each channel against the rest.

    MONAI's ``get_confusion_matrix`` counts in float32, which loses voxels above 2^24 (256^3), and finds no agreement
    between boolean masks, so the counting is done here.

    Args:
        y_pred: prediction, one-hot (B, C, *spatial), values 0 and 1.
        y: label, the same.
        include_background: count channel 0 as well.
        mask: (B, 1, *spatial), values 0 and 1: voxels outside it (the field of view) are not counted.

    Returns:
        :class:`ConfusionCounts` of tensors (B, C), or (B, C - 1) without the background.

    Raises:
        ValueError: for shapes that do not fit or values other than 0 and 1.
    """
    pred, label = mask_pair(y_pred, y, include_background)
    if mask is not None:
        inside = region_mask(mask, label)
        pred, label = pred & inside, label & inside
        voxels = inside.flatten(1).sum(1, keepdim=True)
    else:
        voxels = torch.full((len(label), 1), label[0, 0].numel(), device=label.device)
    hits, predicted, labelled = (_voxels(found) for found in (pred & label, pred, label))
    return ConfusionCounts(hits, predicted - hits, labelled - hits, voxels - predicted - labelled + hits)


def kaggle_dice(y_pred: torch.Tensor, y: torch.Tensor) -> float:
    """Return the mean over images of 2 |X n Y| / (|X| + |Y|), which is 1 where both are empty and 0 where one is.

    Args:
        y_pred: predicted masks, (B, 1, *spatial) or (B, 2, *spatial) with channel 0 for the background, values 0 and 1.
        y: labels, the same.

    Raises:
        ValueError: for more classes, shapes that differ or values other than 0 and 1.

    Source: rules of Kaggle's Ultrasound Nerve Segmentation challenge.
    """
    if y.shape[1] > 2:
        raise ValueError(f"Kaggle's mean Dice is of one structure, y has {y.shape[1]} channels: give one or two.")
    return float(count_confusion(y_pred, y).dice.mean())


class OverlapMetric(CaseMetric):
    """Cumulative form of the metrics of :class:`ConfusionCounts`.

    A call takes ``mask`` beside ``y_pred`` and ``y``, as :func:`count_confusion` does, and returns the counts
    (B, C, 4) in the order of :class:`ConfusionCounts`; so does ``get_buffer`` for all cases so far.

    Args:
        metric_name: one of :data:`OVERLAP_METRICS`.
        include_background: measure channel 0 as well; "mean_iou" needs it.
        pooled: measure the voxels of all cases together, as DNL-Net does, and not each case by itself.
        reduction: MONAI's, "none", "mean", "sum", "mean_batch", "sum_batch", "mean_channel" or "sum_channel".
        get_not_nans: return the number of values that are defined as well.

    Raises:
        ValueError: for an unknown metric or a mean IoU without the background.
    """

    def __init__(
        self,
        metric_name: str = "dice",
        include_background: bool = False,
        pooled: bool = False,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__(reduction, get_not_nans)
        if metric_name not in OVERLAP_METRICS:
            raise ValueError(f"no overlap metric is called '{metric_name}': give one of {list(OVERLAP_METRICS)}.")
        if metric_name == "mean_iou" and not include_background:
            raise ValueError("mean_iou is the mean over all classes: give include_background=True.")
        self.metric_name = metric_name
        self.include_background = include_background
        self.pooled = pooled

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        counts = count_confusion(y_pred, y, self.include_background, mask)
        return torch.stack(
            [counts.true_positives, counts.false_positives, counts.false_negatives, counts.true_negatives], dim=-1
        )

    def case_values(self) -> torch.Tensor:
        """Return the metric of each case so far, float64 (B, C), NaN where it is not defined.

        Raises:
            ValueError: before the first case.
        """
        return getattr(self._counts(), self.metric_name)

    def aggregate(
        self, reduction: MetricReduction | str | None = None
    ) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Return the metric of all cases so far, reduced, and with ``get_not_nans`` the number of defined values.

        Args:
            reduction: replaces the metric's own.

        Raises:
            ValueError: before the first case.
        """
        values = getattr(self._counts().pooled(), self.metric_name) if self.pooled else self.case_values()
        return self.reduce(values, reduction)

    def _counts(self) -> ConfusionCounts:
        return ConfusionCounts(*self.gathered().unbind(-1))


def _voxels(mask: torch.Tensor) -> torch.Tensor:
    return mask.flatten(2).sum(-1)


def _ratio(numerator: torch.Tensor, denominator: torch.Tensor, empty: float) -> torch.Tensor:
    return torch.where(denominator > 0, numerator.double() / denominator.double(), empty)
