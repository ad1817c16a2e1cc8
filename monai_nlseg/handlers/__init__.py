"""Ignite handlers."""

from __future__ import annotations

from monai_nlseg.handlers.checkpoints import BestModelSaver, EpochCheckpointSaver
from monai_nlseg.handlers.modified_hausdorff import ModifiedHausdorff
from monai_nlseg.handlers.training_curve import TrainingCurve
from monai_nlseg.handlers.validation import ValidationHandler

__all__ = ["BestModelSaver", "EpochCheckpointSaver", "ModifiedHausdorff", "TrainingCurve", "ValidationHandler"]
