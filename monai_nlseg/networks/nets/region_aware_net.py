"""Region-aware net for nerves in ultrasound images."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn as nn
from monai.networks.blocks.convolutions import Convolution
from monai.networks.nets.resnet import ResNet

from monai_nlseg.networks.blocks import AdaptivePyramidFusion, RegionAwarePyramidAggregation
from monai_nlseg.networks.blocks.variant import Variant, check_variant
from monai_nlseg.networks.checks import check_channels, check_input
from monai_nlseg.networks.imagenet import load_resnet_weights


class RegionAwareNet(nn.Module):
    """Region-aware net: a ResNet-34 U-shape with region-aware attention at the bottom and fusion of scales at the end.

    Source: "Region-aware Global Context Modeling for Automatic Nerve Segmentation from Ultrasound Images", AAAI 2021,
    and its published code, which the defaults follow with 23,734,278 parameters. The paper publishes no counts; layers
    it does not describe are the published code's in both variants.

    Args:
        in_channels: channels of the input.
        out_channels: classes; 1 for a foreground against the rest.
        variant: "released" or "paper", for :class:`RegionAwarePyramidAggregation` and
            :class:`AdaptivePyramidFusion`, where they differ. The default is what the published weights belong to.
        region_aggregation: whether the bottom has the first of them (the ablation's "RPA").
        pyramid_fusion: whether the end has the second (the ablation's "APF").
        pretrained: whether the encoder starts from ImageNet weights, which torchvision's own loader fetches or finds
            in its cache. The first convolution is adapted to ``in_channels``
            (:func:`monai_nlseg.networks.imagenet.adapt_first_convolution`); the published code initialises
            it at random.
        weights_path: file with the state dict of torchvision's ResNet-34 to take these weights from instead; then
            ``pretrained`` is implied.

    Shapes: (B, in_channels, H, W) -> logits (B, out_channels, H, W); H and W must be divisible by 32. In training,
    batch norm refuses a single image of 32 x 32. The published images are 512 x 512, and the published network ends in
    the sigmoid of these logits.

    Raises:
        ValueError: for an unknown variant, no channels, ``pretrained`` without torchvision, a file without the
            weights, an input of other rank or channels, or a size that is not divisible (the message names the size
            to pad to).
        ConnectionError: if ``pretrained`` weights cannot be fetched.

    Examples::

        >>> import torch
        >>> from monai_nlseg.networks.nets import RegionAwareNet
        >>> RegionAwareNet(in_channels=1)(torch.zeros(2, 1, 64, 96)).shape
        torch.Size([2, 1, 64, 96])
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 1,
        variant: Variant = "released",
        region_aggregation: bool = True,
        pyramid_fusion: bool = True,
        pretrained: bool = False,
        weights_path: str | Path | None = None,
    ) -> None:
        super().__init__()
        check_variant(variant)
        check_channels(in_channels=in_channels, out_channels=out_channels)
        self.in_channels = in_channels
        self.encoder = _ResNet34(in_channels)
        if weights_path is not None or pretrained:
            load_resnet_weights(self.encoder, 34, weights_path)
        self.aggregation = RegionAwarePyramidAggregation(2, 512, variant=variant) if region_aggregation else None
        # Deepest first; the last has no skip connection.
        self.decoder = nn.ModuleList(
            [_DecoderBlock(512, 256), _DecoderBlock(256, 128), _DecoderBlock(128, 64), _DecoderBlock(64, 64)]
        )
        self.finest = nn.Sequential(
            nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.fusion = AdaptivePyramidFusion(2, (32, 64, 64), variant=variant) if pyramid_fusion else None
        self.output = nn.Conv2d(32, out_channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_input(x, 2, self.in_channels, 32)
        skips = self.encoder(x)
        x = skips.pop()
        if self.aggregation is not None:
            x = self.aggregation(x)
        decoded: list[torch.Tensor] = []
        for block in self.decoder:
            x = block(x)
            if len(skips) > 0:
                x = x + skips.pop()
            decoded.append(x)
        x = self.finest(x)
        if self.fusion is not None:
            x = self.fusion([x, decoded[3], decoded[2]])
        return self.output(x)


class _ResNet34(ResNet):
    """MONAI's ResNet-34 in torchvision's form: same tensors, same names, without the classifier.

    (B, in_channels, H, W) -> the maps behind layer1 to layer4, at 1/4, 1/8, 1/16 and 1/32.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__(
            "basic",
            [3, 4, 6, 3],
            [64, 128, 256, 512],
            spatial_dims=2,
            n_input_channels=in_channels,
            conv1_t_stride=2,
            feed_forward=False,
            bias_downsample=False,
        )

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        first = self.layer1(self.maxpool(self.act(self.bn1(self.conv1(x)))))
        second = self.layer2(first)
        third = self.layer3(second)
        return [first, second, third, self.layer4(third)]


class _DecoderBlock(nn.Sequential):
    """conv1x1 to a quarter of the channels, transposed conv3 to twice the size, conv1x1; each with norm and ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        inner = in_channels // 4
        act = ("relu", {"inplace": True})
        super().__init__(
            Convolution(2, in_channels, inner, kernel_size=1, act=act, norm="batch"),
            Convolution(2, inner, inner, strides=2, is_transposed=True, act=act, norm="batch"),
            Convolution(2, inner, out_channels, kernel_size=1, act=act, norm="batch"),
        )
