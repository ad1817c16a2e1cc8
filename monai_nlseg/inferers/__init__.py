"""Inferers in MONAI's sense."""

from __future__ import annotations

from monai_nlseg.inferers.adaptive_ensemble import (
    AdaptiveSingleModelEnsemble,
    EnsembleResult,
    dice_similarity,
    ensemble_weights,
)
from monai_nlseg.inferers.boxes import foreground_box
from monai_nlseg.inferers.cost import InferenceCost, available_bytes, inference_cost
from monai_nlseg.inferers.step_slice import StepSliceInferer
from monai_nlseg.inferers.step_window import StepWindowInferer
from monai_nlseg.inferers.test_time import TestTimeAugmentationInferer
from monai_nlseg.inferers.views import View, combine_views, flip_views, rotation_views, square_views
from monai_nlseg.inferers.windows import window_count, window_starts

__all__ = [
    "AdaptiveSingleModelEnsemble",
    "EnsembleResult",
    "InferenceCost",
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
    "inference_cost",
    "rotation_views",
    "square_views",
    "window_count",
    "window_starts",
]
