"""Ignite handlers of the overlap metrics."""

from __future__ import annotations

from collections.abc import Callable

from monai.utils import MetricReduction

from monai_nlseg.handlers.cases import CaseMetricHandler
from monai_nlseg.metrics import OverlapMetric, VNetDiceMetric


class Overlap(CaseMetricHandler):
    """Ignite handler of :class:`monai_nlseg.metrics.OverlapMetric`.

    Args:
        metric_name: one of :data:`monai_nlseg.metrics.OVERLAP_METRICS`.
        include_background: measure channel 0 as well; "mean_iou" needs it.
        pooled: measure the voxels of all cases together.
        reduction: MONAI's.
        output_transform: returns ``(y_pred, y)`` or ``(y_pred, y, mask)``, one-hot masks and the field of view.
        save_details: keep the values of each case, (B, C), in ``engine.state.metric_details``.

    Raises:
        ValueError: for an unknown metric or a mean IoU without the background.
    """

    def __init__(
        self,
        metric_name: str = "dice",
        include_background: bool = False,
        pooled: bool = False,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        output_transform: Callable = lambda x: x,
        save_details: bool = True,
    ) -> None:
        metric = OverlapMetric(metric_name, include_background, pooled, reduction)
        super().__init__(metric_fn=metric, output_transform=output_transform, save_details=save_details, third="mask")


class VNetDice(CaseMetricHandler):
    """Ignite handler of :class:`monai_nlseg.metrics.VNetDiceMetric`.

    Args:
        include_background: measure channel 0 as well.
        reduction: MONAI's.
        output_transform: returns ``(y_pred, y)``, probabilities and label.
        save_details: keep the values of each case, (B, C), in ``engine.state.metric_details``.
    """

    def __init__(
        self,
        include_background: bool = False,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        output_transform: Callable = lambda x: x,
        save_details: bool = True,
    ) -> None:
        metric = VNetDiceMetric(include_background, reduction)
        super().__init__(metric_fn=metric, output_transform=output_transform, save_details=save_details)
