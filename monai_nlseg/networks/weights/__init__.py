"""Published weights as state dicts of these networks, one network per file."""

from __future__ import annotations

from monai_nlseg.networks.weights.nonlocal_unet import (
    nonlocal_unet_state_from_tf,
    nonlocal_unet_variant,
    read_tf_variables,
)
from monai_nlseg.networks.weights.region_aware_net import region_aware_net_state_from_released

__all__ = [
    "nonlocal_unet_state_from_tf",
    "nonlocal_unet_variant",
    "read_tf_variables",
    "region_aware_net_state_from_released",
]
