"""LAEDNet."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import torch
import torch.nn as nn
from monai.networks.blocks import UpSample
from monai.networks.layers.factories import Conv
from monai.networks.nets.efficientnet import EfficientNet, EfficientNetBN, efficientnet_params, url_map

from monai_nlseg.networks.blocks.lightweight_decoder import KERAS_NORM, SWISH, LightweightResidualSE
from monai_nlseg.networks.checks import check_channels, check_input, check_spatial_dims
from monai_nlseg.networks.imagenet import fetch_imagenet_weights, load_imagenet_weights, read_imagenet_weights

ENCODERS = {"S": "efficientnet-b0", "M": "efficientnet-b3", "L": "efficientnet-b7"}
# EfficientNet's table 1, as MONAI writes it: repeats, kernel, strides, expansion, channels in and out.
BLOCK_GROUPS = [
    "r1_k3_s11_e1_i32_o16_se0.25",
    "r2_k3_s22_e6_i16_o24_se0.25",
    "r2_k5_s22_e6_i24_o40_se0.25",
    "r3_k3_s22_e6_i40_o80_se0.25",
    "r3_k5_s11_e6_i80_o112_se0.25",
    "r4_k5_s22_e6_i112_o192_se0.25",
    "r1_k3_s11_e6_i192_o320_se0.25",
]
# The encoder halves the input five times.
DIVISOR = 32


class LAEDNet(nn.Module):
    """Lightweight attention encoder-decoder network for ultrasound: EfficientNet and six LRSE blocks.

    The outputs ``X_E^1 ... X_E^7`` of EfficientNet's seven block groups, at 1/2, 1/4, 1/8, 1/16, 1/16, 1/32, 1/32 of
    the input, are fused from the deepest on, ``X_D^6 = X_E^7`` and ``X_D^(i-1) = LRSE(X_D^i, X_E^i)`` for i = 6 ... 1,
    the deeper one doubled where the sizes differ (i = 5, 3, 2, 1). A 1x1 convolution and a doubling end it: in this
    order they cost a quarter and give the same, as a 1x1 convolution and linear interpolation commute.

    Source: "LAEDNet: A Lightweight Attention Encoder-Decoder Network for ultrasound medical image segmentation". No
    code is published, and no interpretation of the text gives all four sizes printed. The sizes here, in millions of
    parameters with the running statistics of batch norms (as Keras counts):

    ============  ======  ===========  ==========  =========
    size          paper   se="post"    se="pre"    se=None
    ============  ======  ===========  ==========  =========
    S (B0)        4.03    3.837        4.015
    M (B3)        10.75   10.479       10.737
    M without SE  10.45                            10.435
    L (B7)        63.25   63.221       63.930
    ============  ======  ===========  ==========  =========

    ``se="post"`` is what the equations say; "pre" comes closer to S and M, not to L. None is exact. The
    settings that the paper leaves open are in docs/explanation/paper-and-code.md.

    Args:
        spatial_dims: 2 or 3; the paper's is 2.
        in_channels: channels of the input, 3 in the paper (a grey image in three equal channels).
        out_channels: channels of the logits, 1 for one structure with a sigmoid.
        size: "S", "M" or "L": EfficientNet-B0, -B3 or -B7.
        se: where the decoder recalibrates channels, see :class:`LightweightResidualSE`; None is the ablation.
        pretrained: whether the encoder starts from ImageNet weights, which MONAI's loader downloads once; the paper
            does not say whether it did. 2D only. Other than three channels: see ``adapt_first_convolution``.
        weights_path: file with these weights instead of the download: the file that MONAI's loader fetches
            (``monai.networks.nets.efficientnet.url_map``), or a state dict of MONAI's ``EfficientNetBN``.
        drop_connect_rate: rate at which the encoder's last residual block is skipped in training; less before it.
        reduction: see :class:`LightweightResidualSE`.
        act: MONAI name or (name, arguments) of the decoder's activation; the encoder has swish.
        norm: MONAI name or (name, arguments) of the normalisation.

    Shapes: (B, in_channels, *spatial) -> logits (B, out_channels, *spatial); each spatial size must be divisible by
    32. The paper's input is 320x320; its range of values is not stated. For ImageNet weights it is [0, 1], less
    the mean (0.485, 0.456, 0.406) and divided by the deviation (0.229, 0.224, 0.225) of red, green and blue.

    The batch norms' running statistics follow slowly, as Keras' do: from random weights a network is of no use in
    evaluation mode before some hundred training steps. A batch of one 32x32 image cannot be trained on, as batch norms
    need more than one value.

    Raises:
        ValueError: for arguments that do not fit each other, a weights file that is missing or another network's, an
            input of other rank or channels, or a spatial size that is not divisible (the message names the size to
            pad to).
        ConnectionError: if ``pretrained`` weights cannot be fetched.

    Examples::

        >>> import torch
        >>> from monai_nlseg.networks.nets import LAEDNet
        >>> net = LAEDNet(size="S").eval()
        >>> net(torch.zeros(1, 3, 64, 96)).shape
        torch.Size([1, 1, 64, 96])
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        in_channels: int = 3,
        out_channels: int = 1,
        size: Literal["S", "M", "L"] = "S",
        se: Literal["post", "pre"] | None = "post",
        pretrained: bool = False,
        weights_path: str | Path | None = None,
        drop_connect_rate: float = 0.2,
        reduction: int = 4,
        act: str | tuple = SWISH,
        norm: str | tuple = KERAS_NORM,
    ) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        check_channels(in_channels=in_channels, out_channels=out_channels)
        if size not in ENCODERS:
            raise ValueError(f"size {size!r} is unknown: choose {', '.join(ENCODERS)}.")
        if not 0.0 <= drop_connect_rate < 1.0:
            raise ValueError(f"drop_connect_rate {drop_connect_rate} is not a rate: give at least 0 and less than 1.")
        if (pretrained or weights_path is not None) and spatial_dims != 2:
            raise ValueError(
                f"ImageNet weights are for 2 spatial_dims, not {spatial_dims}: leave out pretrained and weights_path."
            )
        self.spatial_dims = spatial_dims
        self.in_channels = in_channels
        self.divisor = DIVISOR

        self.encoder = LAEDNetEncoder(ENCODERS[size], spatial_dims, in_channels, drop_connect_rate, norm)
        if pretrained or weights_path is not None:
            _load_imagenet(self.encoder, ENCODERS[size], weights_path)
        channels, strides = self.encoder.channels, self.encoder.strides
        self.decoder = nn.ModuleList(
            LightweightResidualSE(
                spatial_dims,
                channels[level + 1],
                channels[level],
                upsample=strides[level + 1] == 2,
                se=se,
                reduction=reduction,
                act=act,
                norm=norm,
            )
            for level in range(len(channels) - 2, -1, -1)
        )
        self.output = Conv[Conv.CONV, spatial_dims](channels[0], out_channels, 1)
        self.upsample = UpSample(spatial_dims, mode="nontrainable", align_corners=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_input(x, self.spatial_dims, self.in_channels, self.divisor)
        features = self.encoder(x)
        x = features.pop()
        for block in self.decoder:
            x = block(x, features.pop())
        return self.upsample(self.output(x))


class LAEDNetEncoder(EfficientNet):
    """MONAI's EfficientNet without its classifier; returns the outputs of its seven block groups, shallowest first.

    MONAI fixes TensorFlow's "same" padding for one size of image when it builds the network. Its own 300 for B3 and
    600 for B7 become odd on the way, and an odd size is padded by one more in front than the sizes that 32 divides.
    """

    def __init__(
        self, model_name: str, spatial_dims: int, in_channels: int, drop_connect_rate: float, norm: str | tuple
    ) -> None:
        width, depth = efficientnet_params[model_name][:2]
        super().__init__(
            list(BLOCK_GROUPS),
            spatial_dims,
            in_channels,
            width_coefficient=width,
            depth_coefficient=depth,
            image_size=DIVISOR,
            norm=norm,
            drop_connect_rate=drop_connect_rate,
        )
        self.channels: list[int] = [group.output_filters for group in self._blocks_args]
        self.strides: list[int] = [group.stride for group in self._blocks_args]
        del self._conv_head, self._conv_head_padding, self._bn1, self._avg_pooling, self._dropout, self._fc

    def forward(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        x = self._swish(self._bn0(self._conv_stem(self._conv_stem_padding(inputs))))
        features: list[torch.Tensor] = []
        for group in self._blocks:
            x = group(x)
            features.append(x)
        return features


def _load_imagenet(encoder: nn.Module, model_name: str, weights_path: str | Path | None) -> None:
    if weights_path is None:
        state = fetch_imagenet_weights(
            model_name,
            lambda: EfficientNetBN(model_name, pretrained=True).state_dict(),
            url_map[model_name].rsplit("/", 1)[-1],
        )
    else:
        state = read_imagenet_weights(weights_path)
    # In the published file the blocks are numbered through, without MONAI's number of the group before.
    names = {re.sub(r"^_blocks\.\d+\.", "_blocks.", name): name for name in encoder.state_dict()}
    state = {names.get(name, name): tensor for name, tensor in state.items()}
    load_imagenet_weights(encoder, state, "_conv_stem.weight", ignore=("_conv_head.", "_bn1.", "_fc."))
