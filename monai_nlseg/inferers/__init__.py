"""Inferers in MONAI's sense."""

from __future__ import annotations

from monai_nlseg.inferers.adaptive_ensemble import (
    AdaptiveSingleModelEnsemble,
    EnsembleResult,
    dice_similarity,
    ensemble_weights,
)
from monai_nlseg.inferers.plan import InferencePlan, available_bytes, plan_inference
from monai_nlseg.inferers.step_slice import StepSliceInferer
from monai_nlseg.inferers.step_window import StepWindowInferer
from monai_nlseg.inferers.test_time import TestTimeAugmentationInferer
from monai_nlseg.inferers.views import View, combine_views, flip_views, rotation_views, square_views
from monai_nlseg.inferers.windows import foreground_box, window_starts

__all__ = [
    "AdaptiveSingleModelEnsemble",
    "EnsembleResult",
    "InferencePlan",
    "StepSliceInferer",
    "StepWindowInferer",
    "TestTimeAugmentationInferer",
    "View",
    "available_bytes",
    "combine_views",
    "dice_similarity",
    "ensemble_weights",
    "flip_views",
    "foreground_box",
    "plan_inference",
    "rotation_views",
    "square_views",
    "window_starts",
]
