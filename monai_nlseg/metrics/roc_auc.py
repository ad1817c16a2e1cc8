"""Area under the ROC curve of the voxels of a whole cohort."""

from __future__ import annotations

import torch
from monai.metrics import CumulativeIterationMetric
from monai.metrics.utils import ignore_background
from monai.utils import convert_to_tensor, evenly_divisible_all_gather

from monai_nlseg.metrics.masks import check_shapes, region_mask, to_booleans


def compute_pooled_roc_auc(y_pred: torch.Tensor, y: torch.Tensor, mask: torch.Tensor | None = None) -> float:
    """Compute the exact area under the ROC curve of all voxels of all cases together.

    It is the probability that a positive voxel scores higher than a negative one, with ties counted as half, and equals
    scikit-learn's ``roc_auc_score`` of the voxels in one array.

    Args:
        y_pred: scores (B, 1, *spatial), or (B, 2, *spatial) with channel 0 for the background, as probabilities or
            logits; only their order matters.
        y: label of the same shape, values 0 and 1.
        mask: (B, 1, *spatial), values 0 and 1: voxels outside it (the field of view) are left out.

    Returns:
        The area, 0 to 1.

    Raises:
        ValueError: for shapes that do not fit, more than one structure, NaN among the scores, a label of other values
            than 0 and 1, or voxels of one class only.
    """
    metric = PooledROCAUCMetric()
    metric(y_pred, y, mask=mask)
    return metric.aggregate()


class PooledROCAUCMetric(CumulativeIterationMetric):
    """Cumulative form of :func:`compute_pooled_roc_auc`, called with ``y_pred``, ``y``, ``mask`` of each case or batch.

    Scores that occurred once are kept as they are, and repeated ones once with their number, for each class: about 4
    bytes per voxel if all float32 scores differ, and less the more of them are equal. Scores given as float16
    (:meth:`torch.Tensor.half`) have at most 15,361 values from 0 to 1, so a cohort of any size fits, and the area is
    exact for the rounded scores. It does not depend on the order of the cases.

    A call returns the scores of the positive and of the negative voxels.
    """

    def __init__(self) -> None:
        super().__init__()

    def reset(self) -> None:
        """Discard all cases."""
        super().reset()
        self.positives, self.negatives = _ScoreCounter(), _ScoreCounter()

    def _compute_tensor(
        self, y_pred: torch.Tensor, y: torch.Tensor, mask: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        check_shapes(y_pred, y, "scores and a label of one structure")
        if y.shape[1] > 2:
            raise ValueError(
                f"scores of {y.shape[1]} channels cannot be pooled, expected one structure: give (B, 1, spatial), or "
                "(B, 2, spatial) with the background in channel 0."
            )
        plain = convert_to_tensor(y_pred, track_meta=False).detach()
        scores, label = ignore_background(plain, to_booleans(y, "y"))
        if mask is not None:
            inside = region_mask(mask, label)
            scores, label = scores[inside], label[inside]
        if scores.isnan().any():
            raise ValueError("the scores hold NaN, which cannot be ordered: find out where it comes from.")
        return [scores[label], scores[~label]]

    def extend(self, *data: torch.Tensor) -> None:
        """Add the scores of positive and of negative voxels, as a call of the metric returns them.

        Args:
            data: the two tensors of scores.
        """
        positives, negatives = data
        self.positives.add(positives)
        self.negatives.add(negatives)

    def get_buffer(self) -> list[torch.Tensor]:
        """Return distinct scores in rising order and their numbers, of the positive and then of the negative voxels."""
        return [*self.positives.gathered(), *self.negatives.gathered()]

    def aggregate(self) -> float:
        """Return the area under the curve of all voxels so far, 0 to 1.

        Raises:
            ValueError: if there is no voxel of a class.
        """
        scores, positives, against, negatives = self.get_buffer()
        total_positives, total_negatives = int(positives.sum()), int(negatives.sum())
        if not (total_positives and total_negatives):
            raise ValueError(
                f"{total_positives} positive and {total_negatives} negative voxels make no ROC curve: call the metric "
                "with cases that have both."
            )
        up_to = torch.cat([negatives.new_zeros(1), negatives.cumsum(0)])
        below = up_to[torch.searchsorted(against, scores)]
        not_above = up_to[torch.searchsorted(against, scores, right=True)]
        wins = positives.double() @ ((below + not_above).double() / 2)
        return float(wins) / total_positives / total_negatives


class _ScoreCounter:
    """Counter of how often each score occurs."""

    def __init__(self) -> None:
        self.once = torch.empty(0, dtype=torch.float16)  # the narrowest type, which gives way to that of the scores
        self.repeated = torch.empty(0, dtype=torch.float16)
        self.counts = torch.empty(0, dtype=torch.int64)  # how often the repeated scores occur
        self.new: list[torch.Tensor] = []

    def add(self, scores: torch.Tensor) -> None:
        self.new.append(scores if scores.is_floating_point() else scores.double())
        # Merging costs as much as is held, so it waits until as much is new: the total is then N log N.
        if sum(len(scores) for scores in self.new) > len(self.once) + len(self.repeated):
            self._merge()

    def gathered(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return distinct scores in rising order and their numbers, of all processes."""
        self._merge()
        once, repeated, counts = (
            evenly_divisible_all_gather(held, concat=True) for held in (self.once, self.repeated, self.counts)
        )
        return _distinct([once], repeated, counts)

    def _merge(self) -> None:
        if self.new:
            device = self.new[0].device
            singles = [self.once.to(device), *self.new]
            distinct, counts = _distinct(singles, self.repeated.to(device), self.counts.to(device))
            self.once, self.repeated, self.counts = distinct[counts == 1], distinct[counts > 1], counts[counts > 1]
            self.new = []


def _distinct(
    singles: list[torch.Tensor], repeated: torch.Tensor, counts: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return distinct scores in rising order and their numbers, from single scores and from counted ones."""
    scores = torch.cat([repeated, *singles])
    distinct, index, totals = torch.unique(scores, return_inverse=True, return_counts=True)
    return distinct, totals.index_add_(0, index[: len(repeated)], counts - 1)
