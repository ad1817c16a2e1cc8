"""Ignite handlers."""

from __future__ import annotations

from monai_nlseg.handlers.checkpoints import BestModelSaver, EpochCheckpointSaver
from monai_nlseg.handlers.epoch_seed import EpochSeed
from monai_nlseg.handlers.expected_time import ExpectedTime
from monai_nlseg.handlers.finite_loss import FiniteLoss
from monai_nlseg.handlers.modified_hausdorff import ModifiedHausdorff
from monai_nlseg.handlers.overlap import Overlap, VNetDice
from monai_nlseg.handlers.roc_auc import PooledROCAUC
from monai_nlseg.handlers.sampler_epoch import SamplerEpoch
from monai_nlseg.handlers.surface import Surface
from monai_nlseg.handlers.training_curve import TrainingCurve
from monai_nlseg.handlers.validation import ValidationHandler
from monai_nlseg.handlers.validation_preview import ValidationPreview

__all__ = [
    "BestModelSaver",
    "EpochCheckpointSaver",
    "EpochSeed",
    "ExpectedTime",
    "FiniteLoss",
    "ModifiedHausdorff",
    "Overlap",
    "PooledROCAUC",
    "SamplerEpoch",
    "Surface",
    "TrainingCurve",
    "VNetDice",
    "ValidationHandler",
    "ValidationPreview",
]
