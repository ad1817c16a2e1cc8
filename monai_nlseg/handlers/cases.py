"""Metric handlers that take more of a case than prediction and label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from ignite.metrics import Metric
from ignite.metrics.metric import reinit__is_reduced
from monai.handlers import IgniteMetricHandler
from monai.metrics import CumulativeIterationMetric

__all__ = ["CaseMetricHandler"]


class CaseMetricHandler(IgniteMetricHandler):
    """MONAI's metric handler that gives the metric one case at a time, with a mask where there is one.

    The ``output_transform`` returns ``(y_pred, y)`` or ``(y_pred, y, mask)``, as
    ``monai.handlers.from_engine(["pred", "label", "fov"])`` does: each batch-first or a list with an item a case.

    Args:
        metric_fn: the metric, called with ``y_pred``, ``y`` and, where there is one, ``mask``.
        output_transform: as above.
        save_details: leave the values of each case in ``engine.state.metric_details``.
    """

    def __init__(
        self, metric_fn: CumulativeIterationMetric, output_transform: Callable, save_details: bool = True
    ) -> None:
        super().__init__(metric_fn=metric_fn, output_transform=output_transform, save_details=save_details)
        # Ignite unrolls lists by itself and then takes two of them only; MONAI's class does not pass the switch on.
        Metric.__init__(self, output_transform, skip_unrolling=True)

    @reinit__is_reduced
    def update(self, output: Sequence[Any]) -> None:
        """Add the cases of one iteration.

        Raises:
            ValueError: for an output of another length than 2 or 3.
        """
        if len(output) not in (2, 3):
            raise ValueError(
                f"the output_transform returned {len(output)} items: have it return (y_pred, y) or (y_pred, y, mask)."
            )
        for case in range(len(output[0])):
            pred, label, *mask = (item[case] for item in output)
            self.add_case(pred[None], label[None], mask[0][None] if mask else None)

    def add_case(self, y_pred: torch.Tensor, y: torch.Tensor, mask: torch.Tensor | None) -> None:
        """Give the metric one case, tensors (1, C, *spatial)."""
        if mask is None:
            self.metric_fn(y_pred, y)
        else:
            self.metric_fn(y_pred, y, mask=mask)
