"""Losses that MONAI does not have."""

from __future__ import annotations

from monai_nlseg.losses.annotated import AnnotatedLoss
from monai_nlseg.losses.dice_bce import DiceBCELoss
from monai_nlseg.losses.soft_dice_focal import SoftDiceFocalLoss

__all__ = ["AnnotatedLoss", "DiceBCELoss", "SoftDiceFocalLoss"]
