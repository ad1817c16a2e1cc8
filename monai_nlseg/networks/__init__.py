"""Networks and what belongs to them."""

from __future__ import annotations

from monai_nlseg.networks.param_groups import kernel_decay_groups
from monai_nlseg.networks.precision import autocast_forward

__all__ = ["autocast_forward", "kernel_decay_groups"]
