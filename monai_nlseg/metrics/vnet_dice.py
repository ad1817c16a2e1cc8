"""The Dice of V-Net, with squares in its denominator, for probabilities."""

from __future__ import annotations

import math

import torch
from monai.metrics.utils import ignore_background
from monai.utils import MetricReduction, convert_to_tensor

from monai_nlseg.metrics.case_metric import CaseMetric
from monai_nlseg.metrics.masks import check_shapes


def compute_vnet_dice(y_pred: torch.Tensor, y: torch.Tensor, include_background: bool = False) -> torch.Tensor:
    """Compute 2 sum(p q) / (sum(p^2) + sum(q^2)) of probabilities p and label q; 1 where both are zero everywhere.

    For two binary masks it is the Dice ratio.

    Args:
        y_pred: probabilities (B, C, *spatial), values 0 to 1.
        y: label of the same shape, values 0 to 1.
        include_background: measure channel 0 as well.

    Returns:
        float64 (B, C), or (B, C - 1) without the background, values 0 to 1.

    Raises:
        ValueError: for shapes that differ or values outside 0 to 1, such as logits.

    Source: Milletari et al., V-Net (2016); DNL-Net (2022), eq. (15).
    """
    check_shapes(y_pred, y, "probabilities and a label, a channel for each class")
    plain = [_probabilities(y_pred, "y_pred"), _probabilities(y, "y")]
    if not include_background:
        plain = list(ignore_background(*plain))
    p, q = (values.flatten(2) for values in plain)
    squares = (p * p).sum(-1) + (q * q).sum(-1)
    return torch.where(squares > 0, 2 * (p * q).sum(-1) / squares, 1.0)


class VNetDiceMetric(CaseMetric):
    """Cumulative form of :func:`compute_vnet_dice`.

    Args:
        include_background: measure channel 0 as well.
        reduction: MONAI's, "none", "mean", "sum", "mean_batch", "sum_batch", "mean_channel" or "sum_channel".
    """

    def __init__(
        self, include_background: bool = False, reduction: MetricReduction | str = MetricReduction.MEAN
    ) -> None:
        super().__init__(reduction)
        self.include_background = include_background

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return compute_vnet_dice(y_pred, y, self.include_background)


def _probabilities(values: torch.Tensor, name: str) -> torch.Tensor:
    plain = convert_to_tensor(values, track_meta=False).detach().double()
    low, high = (float(bound) for bound in torch.aminmax(plain)) if plain.numel() else (0.0, 0.0)
    if not (low >= 0 and high <= 1):  # written this way, NaN is refused
        shown = "NaN" if math.isnan(low) else f"{low:.4g} to {high:.4g}"
        raise ValueError(f"{name} holds {shown}, expected 0 to 1: apply a sigmoid or softmax first.")
    return plain
