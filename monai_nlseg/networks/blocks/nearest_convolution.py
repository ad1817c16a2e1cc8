"""Nearest-neighbour up-sampling and the 3-wide convolution after it as one transposed convolution."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F


class NearestConvolution2d(nn.Conv2d):
    """``Conv2d(kernel_size=3, padding=1)`` of the input up-sampled by repeating each pixel ``scale`` times.

    Among the repeated pixels most of the taps of a kernel meet the same value, so their sums are one transposed
    convolution of stride ``scale`` and kernel ``scale + 2``: the same result, borders included, with
    ``((scale + 2) / scale) ** 2`` products per pixel instead of 9, and the up-sampled map is never held. The parameters
    are those of the convolution.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        scale: how many times larger the output is, at least 1.
        bias: whether it has a bias.

    Shapes: (B, in_channels, H, W) -> (B, out_channels, scale * H, scale * W).

    Raises:
        ValueError: for a scale below 1.
    """

    def __init__(self, in_channels: int, out_channels: int, scale: int, bias: bool = False) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1, bias=bias)
        self.scale = _checked(scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel = _summed_taps(self.weight, self.scale)
        return F.conv_transpose2d(x, kernel, self.bias, stride=self.scale, padding=1)


class NearestConvolution3d(nn.Conv3d):
    """:class:`NearestConvolution2d` for volumes.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        scale: how many times larger each axis becomes, at least 1.
        bias: whether to add a bias.

    Shapes: (B, in_channels, D, H, W) -> (B, out_channels, D * scale, H * scale, W * scale).

    Raises:
        ValueError: for a scale below 1.
    """

    def __init__(self, in_channels: int, out_channels: int, scale: int, bias: bool = False) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1, bias=bias)
        self.scale = _checked(scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel = _summed_taps(self.weight, self.scale)
        return F.conv_transpose3d(x, kernel, self.bias, stride=self.scale, padding=1)


def _checked(scale: int) -> int:
    if scale < 1:
        raise ValueError(f"scale {scale} does not enlarge: give at least 1.")
    return scale


def _summed_taps(weight: torch.Tensor, scale: int) -> torch.Tensor:
    """Convolve the mirrored kernel with ``scale`` ones per axis: (out, in, 3, ...) -> (in, out, scale + 2, ...)."""
    inputs, outputs = weight.shape[1], weight.shape[0]
    if weight.dim() == 4:
        taps = weight.flip(2, 3).transpose(0, 1).reshape(-1, 1, 3, 3)
        summed = F.conv2d(taps, taps.new_ones(1, 1, scale, scale), padding=scale - 1)
    else:
        taps = weight.flip(2, 3, 4).transpose(0, 1).reshape(-1, 1, 3, 3, 3)
        summed = F.conv3d(taps, taps.new_ones(1, 1, scale, scale, scale), padding=scale - 1)
    return summed.squeeze(1).unflatten(0, [inputs, outputs])
