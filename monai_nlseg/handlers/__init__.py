"""Ignite handlers."""

from __future__ import annotations

from monai_nlseg.handlers.checkpoints import BestModelSaver, EpochCheckpointSaver, keep_earlier
from monai_nlseg.handlers.training_curve import TrainingCurve

__all__ = ["BestModelSaver", "EpochCheckpointSaver", "TrainingCurve", "keep_earlier"]
