"""Metrics in MONAI's sense."""

from __future__ import annotations

from monai_nlseg.metrics.boxes import evaluation_boxes
from monai_nlseg.metrics.modified_hausdorff import ModifiedHausdorffMetric, compute_modified_hausdorff

__all__ = ["ModifiedHausdorffMetric", "compute_modified_hausdorff", "evaluation_boxes"]
