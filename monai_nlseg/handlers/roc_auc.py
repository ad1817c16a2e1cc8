"""Ignite handler of the pooled ROC AUC."""

from __future__ import annotations

from collections.abc import Callable

from monai_nlseg.handlers.cases import CaseMetricHandler
from monai_nlseg.metrics import PooledROCAUCMetric


class PooledROCAUC(CaseMetricHandler):
    """Ignite handler of :class:`monai_nlseg.metrics.PooledROCAUCMetric`.

    Args:
        output_transform: returns ``(scores, y)`` or ``(scores, y, mask)``, scores as probabilities or logits.
    """

    def __init__(self, output_transform: Callable = lambda x: x) -> None:
        super().__init__(PooledROCAUCMetric(), output_transform, save_details=False, third="mask")
