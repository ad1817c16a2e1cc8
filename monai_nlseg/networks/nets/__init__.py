"""Networks: MONAI constructors, logits out."""

from __future__ import annotations

from monai_nlseg.networks.nets.ccfcn3d import CCFCN3D
from monai_nlseg.networks.nets.dnlnet import DNLNet
from monai_nlseg.networks.nets.nonlocal_unet import NonLocalUNet

__all__ = ["CCFCN3D", "DNLNet", "NonLocalUNet"]
