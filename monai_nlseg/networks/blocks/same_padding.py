"""Strided convolutions with TensorFlow's "same" placement.

PyTorch's ``padding=1`` samples a stride-2 convolution one voxel earlier than TensorFlow's ``padding="same"`` and its
``output_padding=1`` keeps the other end of a transposed convolution. Networks published in TensorFlow need these two.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn as nn
import torch.nn.functional as F
from monai.networks.layers.factories import Conv

from monai_nlseg.networks.replace import is_followed


class SameConvolution(nn.Module):
    """Convolution whose output size is ``ceil(size / stride)``, zero padded as TensorFlow does.

    Half of the zeros that an axis needs come before it and half after it; an odd one comes after. A stride-2
    convolution with a kernel of 3 therefore pads an even axis by (0, 1), not by (1, 1).

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: edge of the kernel.
        stride: step of the kernel, the same along each axis.
        bias: whether to add a bias.

    Shapes: (B, in_channels, *spatial) -> (B, out_channels, *ceil(spatial / stride)).
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride
        # With stride 1 and an odd kernel both conventions coincide and the convolution pads without a copy.
        self.pads_itself = stride == 1 and kernel_size % 2 == 1
        self.conv = Conv[Conv.CONV, spatial_dims](
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=kernel_size // 2 if self.pads_itself else 0,
            bias=bias,
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.pads_itself:
            pads: list[int] = []
            for axis in range(x.dim() - 1, 1, -1):
                size = x.shape[axis]
                out = (size + self.stride - 1) // self.stride
                total = max((out - 1) * self.stride + self.kernel_size - size, 0)
                pads += [total // 2, total - total // 2]
            if max(pads) > 0:
                x = F.pad(x, pads)
        return self.conv(x)


class SameTransposedConvolution(nn.Module):
    """Transposed convolution, kernel 3 and stride 2, that doubles each axis as TensorFlow's ``padding="same"`` does.

    The full result has ``2 * size + 1`` planes per axis; the last one is dropped.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the output.
        bias: whether to add a bias.

    Shapes: (B, in_channels, *spatial) -> (B, out_channels, *(2 * spatial)).
    """

    def __init__(self, spatial_dims: int, in_channels: int, out_channels: int, bias: bool = False) -> None:
        super().__init__()
        self.conv = Conv[Conv.CONVTRANS, spatial_dims](in_channels, out_channels, 3, stride=2, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dim() == 4:
            out = F.conv_transpose2d(x, self.conv.weight, stride=2)
        else:
            out = F.conv_transpose3d(x, self.conv.weight, stride=2)
        out = _without_last_planes(out)
        bias = self.conv.bias
        if bias is not None:
            # Separate from the convolution: with a bias, oneDNN's takes twice as long. In the result's dtype, which
            # autocast makes narrower than the bias.
            out = out + bias.reshape([-1] + [1] * (x.dim() - 2)).to(out.dtype)
        return out


def _without_last_planes(x: torch.Tensor) -> torch.Tensor:
    """Return a view of (B, C, *spatial) without the last plane of each spatial axis."""
    if not torch.jit.is_scripting() and x.requires_grad and not is_followed(x):
        return _WithoutLastPlanes.apply(x)
    for axis in range(2, x.dim()):
        x = x.narrow(axis, 0, x.shape[axis] - 1)
    return x


class _WithoutLastPlanes(torch.autograd.Function):
    """The view and its gradient, padded once.

    PyTorch's gradient of a slice is a new tensor for each axis, whose memory is not channels-last.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        # Not known as a view, which PyTorch would not let the next operation change in place; nothing else needs `x`.
        return _without_last_planes(x.detach()).data

    @staticmethod
    def backward(ctx: Any, *given: torch.Tensor) -> torch.Tensor:
        return F.pad(given[0], [0, 1] * (given[0].dim() - 2))
