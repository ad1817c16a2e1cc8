"""CC-3D-FCN, the baseline of the Non-local U-Net paper."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn as nn
from monai.networks.layers.factories import Conv, Pool

from monai_nlseg.networks.checks import check_input, check_spatial_dims


class CCFCN3D(nn.Module):
    """Convolution-and-concatenate 3D fully convolutional network: an encoder of convolution groups and max pooling, a
    decoder that fuses 1x1 projections of the encoder's first convolutions by concatenation.

    Source: Nie, Wang, Adeli, Lao, Lin, Shen, "3-D Fully Convolutional Networks for Multimodal Isointense Infant Brain
    Image Segmentation", IEEE Transactions on Cybernetics 49 (2019), as the baseline of the Non-local U-Net paper,
    whose Table 4 gives it 2,534,276 parameters. The defaults have exactly that many with two channels in and four
    out. They are an interpretation, not a proof: none of the public network definitions has this count, and a search
    over similar structures finds 136 that do. This one follows the public definitions in what they share (three
    poolings, skips from the first convolution of each group, two fusing convolutions, biases everywhere).

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input, 2 for T1 and T2.
        out_channels: classes including the background.
        features: for each group, the channels of its convolutions; a max pooling stands behind each group.
        decoder_channels: channels of every convolution of the decoder.

    Shapes: (B, in_channels, *spatial) -> logits (B, out_channels, *spatial); each spatial size must be divisible by
    ``2 ** len(features)``, 8 by default.

    Raises:
        ValueError: for an input of other rank or channels, or a spatial size that is not divisible.

    Examples::

        >>> import torch
        >>> from monai_nlseg.networks.nets import CCFCN3D
        >>> CCFCN3D(in_channels=2, out_channels=4)(torch.zeros(1, 2, 16, 16, 16)).shape
        torch.Size([1, 4, 16, 16, 16])
    """

    def __init__(
        self,
        spatial_dims: int = 3,
        in_channels: int = 2,
        out_channels: int = 4,
        features: Sequence[Sequence[int]] = ((64, 64), (128, 128), (128, 128, 128)),
        decoder_channels: int = 32,
    ) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        if not features or not all(features):
            raise ValueError(f"features {features} has an empty group: give the channels of at least one convolution.")
        self.spatial_dims = spatial_dims
        self.in_channels = in_channels
        self.divisor = 2 ** len(features)
        conv, deconv = Conv[Conv.CONV, spatial_dims], Conv[Conv.CONVTRANS, spatial_dims]
        self.pool = Pool[Pool.MAX, spatial_dims](3, stride=2, padding=1)

        self.first = nn.ModuleList()
        self.rest = nn.ModuleList()
        channels = in_channels
        for group in features:
            self.first.append(nn.Sequential(conv(channels, group[0], 3, padding=1), nn.ReLU(inplace=True)))
            rest = nn.Sequential()
            for previous, following in zip(group, group[1:]):
                rest.extend([conv(previous, following, 3, padding=1), nn.ReLU(inplace=True)])
            self.rest.append(rest)
            channels = group[-1]

        self.upsample = nn.ModuleList()
        self.skip = nn.ModuleList()
        self.fuse = nn.ModuleList()
        for group in reversed(features):
            self.upsample.append(
                nn.Sequential(
                    deconv(channels, decoder_channels, 3, stride=2, padding=1, output_padding=1), nn.ReLU(inplace=True)
                )
            )
            self.skip.append(conv(group[0], decoder_channels, 1))
            self.fuse.append(
                nn.Sequential(
                    conv(2 * decoder_channels, decoder_channels, 3, padding=1),
                    nn.ReLU(inplace=True),
                    conv(decoder_channels, decoder_channels, 3, padding=1),
                    nn.ReLU(inplace=True),
                )
            )
            channels = decoder_channels
        self.output = conv(decoder_channels, out_channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_input(x, self.spatial_dims, self.in_channels, self.divisor)
        skips: list[torch.Tensor] = []
        for first, rest in zip(self.first, self.rest):
            skip = first(x)
            skips.append(skip)
            x = self.pool(rest(skip))
        for upsample, project, fuse in zip(self.upsample, self.skip, self.fuse):
            x = fuse(torch.cat([upsample(x), project(skips.pop())], dim=1))
        return self.output(x)
