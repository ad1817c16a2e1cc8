"""Ignite handler of the modified Hausdorff distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monai.utils import MetricReduction

from monai_nlseg.handlers.cases import CaseMetricHandler
from monai_nlseg.metrics import ModifiedHausdorffMetric
from monai_nlseg.metrics.boxes import Roi
from monai_nlseg.metrics.spacing import Spacing


class ModifiedHausdorff(CaseMetricHandler):
    """Modified Hausdorff distance of an evaluation, see :class:`ModifiedHausdorffMetric`.

    Args:
        include_background: compare channel 0 too.
        definition: "lines" or "surface".
        spacing: voxel edges in mm for "surface", of every case; None for distances in voxels.
        directed: only from the prediction to the reference.
        points: "all" or "edge", for "surface".
        roi: None, "full" or "nonzero", if ``output_transform`` gives no box.
        reduction: over cases and classes, see :class:`monai.metrics.DiceMetric`.
        output_transform: from the engine's output to ``(y_pred, y)`` or ``(y_pred, y, roi)``, batch-first tensors or
            lists of channel-first ones, the first two one-hot, ``roi`` a mask (1, *spatial) of each case whose box is
            compared.
        save_details: keep the values of each case in ``engine.state.metric_details``.
    """

    def __init__(
        self,
        include_background: bool = False,
        definition: str = "lines",
        spacing: Spacing = None,
        directed: bool = False,
        points: str = "all",
        roi: Roi = None,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        output_transform: Callable[[Any], Any] = lambda output: output,
        save_details: bool = True,
    ) -> None:
        metric = ModifiedHausdorffMetric(
            include_background=include_background,
            definition=definition,
            spacing=spacing,
            directed=directed,
            points=points,
            roi=roi,
            reduction=reduction,
        )
        super().__init__(metric_fn=metric, output_transform=output_transform, save_details=save_details, third="roi")
