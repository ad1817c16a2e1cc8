"""The base of the cumulative metrics: keep what was measured for each case, and reduce it at the end."""

from __future__ import annotations

import math
from typing import Any

import torch
from monai.metrics import CumulativeIterationMetric
from monai.metrics.utils import do_metric_reduction
from monai.utils import MetricReduction


class CaseMetric(CumulativeIterationMetric):
    """Metric with a value for each case and class.

    A subclass measures a batch in ``_compute_tensor``. If it keeps anything but the values themselves, such as counts,
    it also computes the values in :meth:`case_values`.

    Args:
        reduction: MONAI's, "none", "mean", "sum", "mean_batch", "sum_batch", "mean_channel" or "sum_channel".
        get_not_nans: whether :meth:`aggregate` also returns the number of defined values.
    """

    def __init__(self, reduction: MetricReduction | str = MetricReduction.MEAN, get_not_nans: bool = False) -> None:
        super().__init__()
        self.reduction = reduction
        self.get_not_nans = get_not_nans

    def gathered(self) -> Any:
        """Return what was kept for all cases so far, from all processes, as ``get_buffer`` does.

        Raises:
            ValueError: before the first case.
        """
        kept = self.get_buffer()
        if kept is None:
            raise ValueError("no case has been compared yet: call the metric with a prediction and a label first.")
        return kept

    def case_values(self) -> torch.Tensor:
        """Return the metric of each case so far, (B, C), NaN where it is not defined.

        Raises:
            ValueError: before the first case.
        """
        return self.gathered()

    def aggregate(self, reduction: MetricReduction | str | None = None) -> Any:
        """Return the metric of all cases so far, reduced, and with ``get_not_nans`` the number of defined values.

        Args:
            reduction: replaces the metric's own.

        Raises:
            ValueError: before the first case.
        """
        return self.reduce(self.case_values(), reduction)

    def reduce(
        self, values: torch.Tensor, reduction: MetricReduction | str | None = None
    ) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Reduce values (B, C) as :meth:`aggregate` does.

        Args:
            values: values of each case and class, NaN where the metric is not defined.
            reduction: replaces the metric's own.

        Returns:
            The reduced values, NaN where no value was defined, and with ``get_not_nans`` the number of those that were.
        """
        reduced, not_nans = do_metric_reduction(values, reduction or self.reduction)
        # MONAI calls the mean of nothing 0; it is as undefined as the values themselves.
        reduced = torch.where(not_nans > 0, reduced, math.nan)
        return (reduced, not_nans) if self.get_not_nans else reduced
