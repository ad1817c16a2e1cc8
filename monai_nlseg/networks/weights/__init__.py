"""Published weights as state dicts of these networks, one network a file."""

from __future__ import annotations

from monai_nlseg.networks.weights.nonlocal_unet import (
    convert_nonlocal_unet,
    nonlocal_unet_state_from_tf,
    read_tf_variables,
)
from monai_nlseg.networks.weights.region_aware_net import region_aware_net_state_from_released

__all__ = [
    "convert_nonlocal_unet",
    "nonlocal_unet_state_from_tf",
    "read_tf_variables",
    "region_aware_net_state_from_released",
]
