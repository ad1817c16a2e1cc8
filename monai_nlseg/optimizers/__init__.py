"""Learning rates that PyTorch and MONAI do not have."""

from __future__ import annotations

from monai_nlseg.optimizers.lr_scheduler import PrintedPolynomialLR

__all__ = ["PrintedPolynomialLR"]
