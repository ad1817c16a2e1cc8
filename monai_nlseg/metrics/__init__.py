"""Metrics in MONAI's sense, each as a function and in cumulative form."""

from __future__ import annotations

from monai_nlseg.metrics.boxes import evaluation_boxes
from monai_nlseg.metrics.modified_hausdorff import ModifiedHausdorffMetric, compute_modified_hausdorff
from monai_nlseg.metrics.overlap import OVERLAP_METRICS, ConfusionCounts, OverlapMetric, count_confusion, kaggle_dice
from monai_nlseg.metrics.roc_auc import PooledROCAUCMetric, compute_pooled_roc_auc
from monai_nlseg.metrics.surface import SurfaceMetric, SurfaceMetrics, SurfaceSummary, compute_surface_metrics
from monai_nlseg.metrics.vnet_dice import VNetDiceMetric, compute_vnet_dice

__all__ = [
    "OVERLAP_METRICS",
    "ConfusionCounts",
    "ModifiedHausdorffMetric",
    "OverlapMetric",
    "PooledROCAUCMetric",
    "SurfaceMetric",
    "SurfaceMetrics",
    "SurfaceSummary",
    "VNetDiceMetric",
    "compute_modified_hausdorff",
    "compute_pooled_roc_auc",
    "compute_surface_metrics",
    "compute_vnet_dice",
    "count_confusion",
    "evaluation_boxes",
    "kaggle_dice",
]
