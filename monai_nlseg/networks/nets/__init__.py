"""Networks: MONAI constructors, logits out."""

from __future__ import annotations

from monai_nlseg.networks.nets.ccfcn3d import CCFCN3D
from monai_nlseg.networks.nets.dnlnet import DNLNet
from monai_nlseg.networks.nets.encoder_decoder import EncoderDecoder
from monai_nlseg.networks.nets.fold_ensemble import FoldEnsemble
from monai_nlseg.networks.nets.laednet import LAEDNet
from monai_nlseg.networks.nets.nonlocal_unet import NonLocalUNet
from monai_nlseg.networks.nets.region_aware_net import RegionAwareNet

__all__ = ["CCFCN3D", "DNLNet", "EncoderDecoder", "FoldEnsemble", "LAEDNet", "NonLocalUNet", "RegionAwareNet"]
