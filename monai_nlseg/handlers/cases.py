"""The base of the metric handlers, which give a metric one case at a time, with what else it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from ignite.metrics import Metric
from ignite.metrics.metric import reinit__is_reduced
from monai.handlers import IgniteMetricHandler
from monai.metrics import CumulativeIterationMetric


class CaseMetricHandler(IgniteMetricHandler):
    """MONAI's metric handler for a metric that may take a third input, such as the mask of a field of view.

    The ``output_transform`` returns ``(y_pred, y)`` or ``(y_pred, y, third)``, as
    ``monai.handlers.from_engine(["pred", "label", "fov"])`` does: each a batch-first tensor or a list with one item for
    each case.

    Args:
        metric_fn: the metric, called with ``y_pred`` and ``y``, tensors (1, C, *spatial), and the third input if there
            is one.
        output_transform: as above.
        save_details: keep the metric's ``case_values()`` in ``engine.state.metric_details``.
        third: name of the metric's argument for the third input; None if it has none.
    """

    def __init__(
        self,
        metric_fn: CumulativeIterationMetric,
        output_transform: Callable,
        save_details: bool = True,
        third: str | None = None,
    ) -> None:
        super().__init__(metric_fn=metric_fn, output_transform=output_transform, save_details=save_details)
        # Ignite unrolls lists by itself and then takes only two of them; MONAI's class does not pass the switch on.
        Metric.__init__(self, output_transform, skip_unrolling=True)
        self.third = third

    @reinit__is_reduced
    def update(self, output: Sequence[Any]) -> None:
        """Add the cases of one iteration.

        Args:
            output: what the output_transform returned.

        Raises:
            ValueError: for an output of another length than 2 or, where the metric has a third input, 3.
        """
        if len(output) != 2 and (len(output) != 3 or self.third is None):
            expected = "(y_pred, y)" if self.third is None else f"(y_pred, y) or (y_pred, y, {self.third})"
            raise ValueError(f"the output_transform returned {len(output)} items: have it return {expected}.")
        for case in range(len(output[0])):
            y_pred, y, *third = (item[case][None] for item in output)
            arguments = {self.third: third[0]} if self.third and third else {}
            self.metric_fn(y_pred, y, **arguments, **self.case_arguments(y))

    def case_arguments(self, y: torch.Tensor) -> dict[str, Any]:
        """Return further arguments of the metric for one case; none in this class.

        Args:
            y: label of the case, (1, C, *spatial).
        """
        return {}

    def compute(self) -> Any:
        """Return the reduced metric, and keep the values of each case if wanted."""
        result = super().compute()
        if self.save_details:
            self._engine.state.metric_details[self._name] = self.metric_fn.case_values()
        return result
