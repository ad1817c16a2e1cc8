"""Networks, their blocks and weights, and what prepares a network for training, inference or export."""

from __future__ import annotations

from monai_nlseg.networks.folding import fold_batch_norm
from monai_nlseg.networks.optimize import channels_last, optimize_for_inference, optimize_for_training
from monai_nlseg.networks.param_groups import kernel_decay_groups
from monai_nlseg.networks.precision import autocast_forward

__all__ = [
    "autocast_forward",
    "channels_last",
    "fold_batch_norm",
    "kernel_decay_groups",
    "optimize_for_inference",
    "optimize_for_training",
]
