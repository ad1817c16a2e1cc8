"""Inferers in MONAI's sense."""

from __future__ import annotations

from monai_nlseg.inferers.plan import InferencePlan, plan_inference
from monai_nlseg.inferers.step_window import StepWindowInferer
from monai_nlseg.inferers.windows import foreground_box, window_starts

__all__ = ["InferencePlan", "StepWindowInferer", "foreground_box", "plan_inference", "window_starts"]
