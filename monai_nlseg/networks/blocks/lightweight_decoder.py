"""Decoder block of LAEDNet."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn as nn
from monai.networks.blocks import Convolution, ResidualSELayer, UpSample

from monai_nlseg.networks.checks import check_spatial_dims

# Keras' defaults, which are EfficientNet's, too.
KERAS_NORM = ("batch", {"eps": 1e-3, "momentum": 0.01})
# The swish of EfficientNet, as one operation.
SWISH = ("memswish", {"inplace": True})


class LightweightResidualSE(nn.Module):
    """Lightweight residual squeeze-and-excitation block (LRSE): a separable convolution, recalibrated.

    With the deeper level ``X_high`` of C1 channels and the encoder's ``X_low`` of C2::

        F = conv1x1(depthwise3x3([X_high, X_low]))      C1 + C2 -> C2 channels
        A = sigmoid(W2 act(W1 mean(F)))                 W1: C2 -> C2 / reduction, W2 back, one value per channel
        X = F + A * F

    Source: LAEDNet, equations (1) to (4). Unstated there and chosen here: batch norm and activation behind both
    convolutions, which have no bias then, swish as in EfficientNet, the sigmoid, ``reduction``, bilinear up-sampling.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels C1 of the deeper level.
        skip_channels: channels C2 of the encoder's level and of the output.
        upsample: whether the deeper level has half the size and is doubled, (bi- or tri-)linearly.
        se: "post" recalibrates F as the equations say; "pre" recalibrates the C1 + C2 channels between the two
            convolutions, MBConv's order, with which the published sizes of LAEDNet-S and -M agree; None recalibrates
            nothing (ablation).
        reduction: the squeezed vector has as many channels as are recalibrated, divided by this number.
        act: MONAI name or (name, arguments) of the activation.
        norm: MONAI name or (name, arguments) of the normalisation.

    Shapes: (B, C1, *spatial), or with ``upsample`` (B, C1, *(spatial / 2)), and (B, C2, *spatial)
    -> (B, C2, *spatial).

    Raises:
        ValueError: for another ``spatial_dims`` or ``se``, a reduction to no channel, or two levels of sizes that do
            not fit each other.

    Examples::

        >>> import torch
        >>> from monai_nlseg.networks.blocks import LightweightResidualSE
        >>> block = LightweightResidualSE(2, in_channels=24, skip_channels=16, upsample=True)
        >>> block(torch.zeros(1, 24, 8, 12), torch.zeros(1, 16, 16, 24)).shape
        torch.Size([1, 16, 16, 24])
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        skip_channels: int,
        upsample: bool = False,
        se: Literal["post", "pre"] | None = "post",
        reduction: int = 4,
        act: str | tuple = SWISH,
        norm: str | tuple = KERAS_NORM,
    ) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        if se not in ("post", "pre", None):
            raise ValueError(f"se {se!r} is unknown: choose 'post', 'pre' or None.")
        both = in_channels + skip_channels
        recalibrated = both if se == "pre" else skip_channels
        if se is not None and not 1 <= reduction <= recalibrated:
            raise ValueError(f"reduction {reduction} does not fit {recalibrated} channels: give 1 to {recalibrated}.")

        self.upsample: nn.Module = nn.Identity()
        if upsample:
            self.upsample = UpSample(spatial_dims, mode="nontrainable", align_corners=False)
        self.depthwise = Convolution(
            spatial_dims, both, both, kernel_size=3, groups=both, bias=False, adn_ordering="NA", act=act, norm=norm
        )
        self.pointwise = Convolution(
            spatial_dims, both, skip_channels, kernel_size=1, bias=False, adn_ordering="NA", act=act, norm=norm
        )
        self.se_pre: nn.Module = nn.Identity()
        self.se_post: nn.Module = nn.Identity()
        if se == "pre":
            self.se_pre = ResidualSELayer(spatial_dims, both, reduction, act, "sigmoid")
        elif se == "post":
            self.se_post = ResidualSELayer(spatial_dims, skip_channels, reduction, act, "sigmoid")

    def forward(self, high: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
        high = self.upsample(high)
        if high.shape[2:] != low.shape[2:]:
            raise ValueError(
                f"the deeper level has spatial size {list(high.shape[2:])}, the encoder's {list(low.shape[2:])}: "
                "give levels of one size, or of half the size with upsample=True."
            )
        features = self.pointwise(self.se_pre(self.depthwise(torch.cat([high, low], dim=1))))
        return self.se_post(features)
