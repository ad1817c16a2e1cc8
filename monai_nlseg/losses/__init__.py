"""Losses that MONAI's own do not express."""

from __future__ import annotations

from monai_nlseg.losses.soft_dice_focal import SoftDiceFocalLoss

__all__ = ["SoftDiceFocalLoss"]
