"""Learning rates that PyTorch's and MONAI's schedulers do not express."""

from __future__ import annotations

from monai_nlseg.optimizers.lr_scheduler import PrintedPolynomialLR

__all__ = ["PrintedPolynomialLR"]
