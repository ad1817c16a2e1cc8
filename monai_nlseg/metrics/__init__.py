"""Metrics, each as a function and in cumulative form."""

from __future__ import annotations

from monai_nlseg.metrics.surface import SurfaceMetric, SurfaceMetrics, SurfaceSummary, compute_surface_metrics

__all__ = ["SurfaceMetric", "SurfaceMetrics", "SurfaceSummary", "compute_surface_metrics"]
