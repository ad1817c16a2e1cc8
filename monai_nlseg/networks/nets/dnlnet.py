"""DNL-Net."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn as nn
from monai.networks.blocks.aspp import SimpleASPP
from monai.networks.layers.factories import Conv, Pool, split_args
from monai.networks.nets.basic_unet import TwoConv
from monai.networks.nets.resnet import ResNetFeatures

from monai_nlseg.networks.blocks.deformed_nonlocal import DeformedNonLocalBlock
from monai_nlseg.networks.blocks.feature_fusion import AdditiveFusion, MultiscaleFeatureFusion
from monai_nlseg.networks.blocks.nonlocal_block import NonLocalBlock
from monai_nlseg.networks.blocks.se_pyramid_pooling import ResidualSEPyramidPooling
from monai_nlseg.networks.checks import check_input, check_spatial_dims
from monai_nlseg.networks.imagenet import load_resnet_weights

RESNET50_CHANNELS = (64, 256, 512, 1024, 2048)


class DNLNet(nn.Module):
    """DNL-Net: a U-Net with pyramid pooling at the bottom, whose skips are weighed by the deep features' context.

    Each encoder level is two convolutions (kernel 3, bias, norm, activation) and a 2x max pooling; the bottom passes
    through :class:`ResidualSEPyramidPooling`; each decoder level fuses the deep map with the skip
    (:class:`MultiscaleFeatureFusion` with a :class:`DeformedNonLocalBlock` inside) and convolves twice; a 1x1
    convolution gives the logits.

    Source: "DNL-Net: deformed non-local neural network for blood vessel segmentation", BMC Medical Imaging 22:109
    (2022). There is no public code, and depth, filters, activation and pooling of the encoder are not stated: the
    defaults are a plain U-Net's, with 4,921,319 parameters. The rows of the paper's ablation (Table 5) are
    :meth:`baseline`, :meth:`rsep`, :meth:`aspp`, :meth:`dnl_mff`, :meth:`dnl_mff_aspp`, the default and
    :meth:`resnet50`.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the logits; one for a single foreground class.
        channels: channels of each level, at least two, finest first; ResNet-50 has its own, and its own norm and
            activation.
        encoder: "unet" as above or "resnet50", MONAI's ResNet-50: its finest level has half the resolution, to which
            the logits are brought back by linear interpolation.
        pretrained: whether the 2D "resnet50" starts from ImageNet weights, which torchvision's own loader fetches or
            finds in its cache.
        weights_path: file with the state dict of torchvision's ResNet-50 to take these weights from instead; then
            ``pretrained`` is implied.
        fusion: "multiscale" as above or "add", which adds the interpolated deep map to the skip.
        context: name or (name, arguments) of the block inside the multiscale fusion: "deformed",
            "nonlocal" (:class:`NonLocalBlock`), or None.
        pyramid: name or (name, arguments) of the bottom: "rsep", "aspp" (MONAI's, with dilations 1, 6, 12 and 18), or
            None.
        norm: MONAI name or (name, arguments) of the normalisation.
        act: MONAI name or (name, arguments) of the activation.
        dropout: dropout rate behind each normalisation of encoder and decoder; ResNet-50 has none.

    Shapes: (B, in_channels, *spatial) -> logits (B, out_channels, *spatial); each spatial size must be divisible by
    ``2 ** (len(channels) - 1)``, 16 by default, and by 32 with ResNet-50. In training, batch norm refuses a
    single image that is one pixel at the bottom.

    Raises:
        ValueError: for arguments that do not fit each other, weights that do not fit, an input of other rank or
            channels, or a spatial size that is not divisible (the message names the size to pad to).
        ConnectionError: if ``pretrained`` weights cannot be fetched.

    Examples::

        >>> import torch
        >>> from monai_nlseg.networks.nets import DNLNet
        >>> DNLNet(spatial_dims=2, in_channels=1, out_channels=1)(torch.zeros(1, 1, 96, 96)).shape
        torch.Size([1, 1, 96, 96])
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        in_channels: int = 1,
        out_channels: int = 1,
        channels: Sequence[int] = (16, 32, 64, 128, 256),
        encoder: Literal["unet", "resnet50"] = "unet",
        pretrained: bool = False,
        weights_path: str | Path | None = None,
        fusion: Literal["multiscale", "add"] = "multiscale",
        context: str | tuple | None = "deformed",
        pyramid: str | tuple | None = "rsep",
        norm: str | tuple = "batch",
        act: str | tuple = ("relu", {"inplace": True}),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        if in_channels < 1 or out_channels < 1 or len(channels) < 2 or min(channels) < 1:
            raise ValueError(
                f"in_channels {in_channels}, out_channels {out_channels}, channels {tuple(channels)}: give at least 1 "
                "channel each and at least 2 levels."
            )
        if fusion not in ("multiscale", "add"):
            raise ValueError(f"fusion {fusion!r} is unknown: choose 'multiscale' or 'add'.")
        if fusion == "add" and context is not None:
            raise ValueError(f"fusion 'add' has no place for context {context!r}: give context=None.")
        if (pretrained or weights_path is not None) and (encoder != "resnet50" or spatial_dims != 2):
            raise ValueError(
                "ImageNet weights are for encoder 'resnet50' in 2 dimensions only: leave out pretrained and "
                "weights_path."
            )
        self.spatial_dims = spatial_dims
        self.in_channels = in_channels

        style: dict[str, Any] = {"act": act, "norm": norm, "bias": True, "dropout": dropout}
        self.encoder: nn.Module
        self.resize: nn.Module = nn.Identity()
        if encoder == "unet":
            self.encoder = _UNetEncoder(spatial_dims, in_channels, channels, style)
            self.divisor = 2 ** (len(channels) - 1)
        elif encoder == "resnet50":
            channels = RESNET50_CHANNELS
            self.encoder = ResNetFeatures("resnet50", False, spatial_dims, in_channels)
            if pretrained or weights_path is not None:
                load_resnet_weights(self.encoder, 50, weights_path)
            self.resize = nn.Upsample(scale_factor=2, mode="bilinear" if spatial_dims == 2 else "trilinear")
            self.divisor = 2 ** len(channels)
        else:
            raise ValueError(f"encoder {encoder!r} is unknown: choose 'unet' or 'resnet50'.")

        self.pyramid = _pyramid(pyramid, spatial_dims, channels[-1], norm, act)
        self.fusions = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for level in range(len(channels) - 2, -1, -1):
            high, low = channels[level + 1], channels[level]
            if fusion == "add":
                self.fusions.append(AdditiveFusion(spatial_dims, high, low))
            else:
                self.fusions.append(
                    MultiscaleFeatureFusion(spatial_dims, high, low, _context(context, spatial_dims, high))
                )
            self.decoder.append(TwoConv(spatial_dims, low, low, **style))
        self.output = Conv[Conv.CONV, spatial_dims](channels[0], out_channels, 1)

    @classmethod
    def baseline(cls, **kwargs: Any) -> DNLNet:
        """Build "Baseline" of Table 5: the U-Net whose skips are added.

        Args:
            kwargs: other arguments of :class:`DNLNet`, which override those of the variant.
        """
        return cls(**{"fusion": "add", "context": None, "pyramid": None, **kwargs})

    @classmethod
    def rsep(cls, **kwargs: Any) -> DNLNet:
        """Build "Baseline + RSEP" of Table 5.

        Args:
            kwargs: other arguments of :class:`DNLNet`, which override those of the variant.
        """
        return cls(**{"fusion": "add", "context": None, "pyramid": "rsep", **kwargs})

    @classmethod
    def aspp(cls, **kwargs: Any) -> DNLNet:
        """Build "Baseline + ASPP" of Table 5.

        Args:
            kwargs: other arguments of :class:`DNLNet`, which override those of the variant.
        """
        return cls(**{"fusion": "add", "context": None, "pyramid": "aspp", **kwargs})

    @classmethod
    def dnl_mff(cls, **kwargs: Any) -> DNLNet:
        """Build "Baseline + DNL + MFF" of Table 5.

        Args:
            kwargs: other arguments of :class:`DNLNet`, which override those of the variant.
        """
        return cls(**{"pyramid": None, **kwargs})

    @classmethod
    def dnl_mff_aspp(cls, **kwargs: Any) -> DNLNet:
        """Build "Baseline + DNL + MFF + ASPP" of Table 5.

        Args:
            kwargs: other arguments of :class:`DNLNet`, which override those of the variant.
        """
        return cls(**{"pyramid": "aspp", **kwargs})

    @classmethod
    def resnet50(cls, **kwargs: Any) -> DNLNet:
        """Build "ResNet50 + DNL + MFF + RSEP" of Table 5.

        Args:
            kwargs: other arguments of :class:`DNLNet`, which override those of the variant.
        """
        return cls(**{"encoder": "resnet50", **kwargs})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_input(x, self.spatial_dims, self.in_channels, self.divisor)
        skips: list[torch.Tensor] = self.encoder(x)
        x = self.pyramid(skips.pop())
        for fuse, convolve in zip(self.fusions, self.decoder):
            x = convolve(fuse(x, skips.pop()))
        return self.resize(self.output(x))


class _UNetEncoder(nn.Module):
    """Feature maps of all levels, finest first."""

    def __init__(self, spatial_dims: int, in_channels: int, channels: Sequence[int], style: dict[str, Any]) -> None:
        super().__init__()
        self.first = TwoConv(spatial_dims, in_channels, channels[0], **style)
        self.rest = nn.ModuleList(
            nn.Sequential(Pool[Pool.MAX, spatial_dims](2), TwoConv(spatial_dims, previous, following, **style))
            for previous, following in zip(channels, channels[1:])
        )

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        x = self.first(x)
        features: list[torch.Tensor] = [x]
        for level in self.rest:
            x = level(x)
            features.append(x)
        return features


def _context(context: str | tuple | None, spatial_dims: int, channels: int) -> nn.Module | None:
    if context is None:
        return None
    name, arguments = split_args(context)
    if name == "deformed":
        return DeformedNonLocalBlock(spatial_dims, channels, **arguments)
    if name == "nonlocal":
        return NonLocalBlock(spatial_dims, channels, **arguments)
    raise ValueError(f"context {name!r} is unknown: choose 'deformed', 'nonlocal' or None.")


def _pyramid(
    pyramid: str | tuple | None, spatial_dims: int, channels: int, norm: str | tuple, act: str | tuple
) -> nn.Module:
    if pyramid is None:
        return nn.Identity()
    name, arguments = split_args(pyramid)
    if name == "rsep":
        return ResidualSEPyramidPooling(spatial_dims, channels, **arguments)
    if name != "aspp":
        raise ValueError(f"pyramid {name!r} is unknown: choose 'rsep', 'aspp' or None.")
    if channels % 4:
        raise ValueError(f"pyramid 'aspp' has 4 branches, but the bottom has {channels} channels: choose a multiple.")
    rates = {"dilations": (1, 6, 12, 18), "norm_type": norm, "acti_type": act}
    return SimpleASPP(spatial_dims, channels, channels // 4, **{**rates, **arguments})
