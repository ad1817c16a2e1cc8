"""Inferers in MONAI's sense."""

from __future__ import annotations

from monai_nlseg.inferers.step_window import StepWindowInferer, foreground_box, window_starts

__all__ = ["StepWindowInferer", "foreground_box", "window_starts"]
