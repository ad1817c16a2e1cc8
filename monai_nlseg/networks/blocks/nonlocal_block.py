"""The non-local block, without a matrix of voxels by voxels in any of its forms."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, get_args

import torch
import torch.nn as nn
from monai.networks.layers.factories import Conv

from monai_nlseg.networks.blocks.global_aggregation import ScaledDotProductAttention
from monai_nlseg.networks.checks import check_spatial_dims

Mode = Literal["embedded_gaussian", "dot_product", "concatenation"]


class NonLocalBlock(nn.Module):
    """Non-local block: each voxel gets a weighted mean over all voxels, added to itself.

    ``out = x + W y`` with ``y_i = 1/c sum_j f(x_i, x_j) g(x_j)`` over all N voxels j, where theta, phi, g and W are
    1x1 convolutions and ``mode`` is the pair function f with its normalisation c:

    - "embedded_gaussian": ``exp(theta_i . phi_j)``, c its sum over j: a softmax without scaling, through
      :class:`ScaledDotProductAttention`, time O(C N^2).
    - "dot_product": ``theta_i . phi_j``, c = N, computed as ``theta (phi^T g) / N``, time O(C^2 N).
    - "concatenation": ``ReLU(w . [theta_i, phi_j])``, c = N. With ``a_i = w_theta . theta_i`` and ``b_j = w_phi .
      phi_j`` the sum over the j with ``b_j > -a_i`` is ``a_i sum g_j + sum b_j g_j``, two running sums over voxels
      sorted by b, read where -a_i falls in: exact, time O(C^2 N + N log N).

    None of them holds N x N values. The sums of the last two are in the precision of the weights under autocast too,
    and in float32 at least.

    Source: Wang, Girshick, Gupta, He, "Non-local Neural Networks", CVPR 2018 (https://arxiv.org/abs/1711.07971),
    equations (1) to (6) and section 3.3; equation (5) of the DNL-Net paper. Its normalisation behind W is left out, as
    DNL-Net prints none.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels C of input and output.
        inter_channels: channels of theta, phi and g; the default is half of ``in_channels``, as in the source.
        mode: "embedded_gaussian", "dot_product" or "concatenation".

    Shapes: (B, in_channels, *spatial) -> the same, any value range.

    Raises:
        ValueError: for another ``spatial_dims``, an unknown ``mode`` or less than one channel.

    Examples::

        >>> import torch
        >>> from monai_nlseg.networks.blocks import NonLocalBlock
        >>> NonLocalBlock(spatial_dims=3, in_channels=8, mode="concatenation")(torch.zeros(1, 8, 4, 5, 6)).shape
        torch.Size([1, 8, 4, 5, 6])
    """

    def __init__(
        self, spatial_dims: int, in_channels: int, inter_channels: int | None = None, mode: Mode = "embedded_gaussian"
    ) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        if mode not in get_args(Mode):
            raise ValueError(f"mode {mode!r} is unknown: choose {', '.join(map(repr, get_args(Mode)))}.")
        inter_channels = in_channels // 2 if inter_channels is None else inter_channels
        if inter_channels < 1:
            raise ValueError(
                f"{inter_channels} inner channels of {in_channels} are none: give inter_channels of at least 1."
            )
        self.mode = mode
        conv = Conv[Conv.CONV, spatial_dims]
        self.theta = conv(in_channels, inter_channels, 1)
        self.phi = conv(in_channels, inter_channels, 1)
        self.g = conv(in_channels, inter_channels, 1)
        self.attention: nn.Module | None = ScaledDotProductAttention() if mode == "embedded_gaussian" else None
        # w of the concatenation as its two halves.
        self.pair_theta: nn.Module | None = None
        self.pair_phi: nn.Module | None = None
        if mode == "concatenation":
            self.pair_theta = nn.Linear(inter_channels, 1, bias=False)
            self.pair_phi = nn.Linear(inter_channels, 1, bias=False)
        self.project = conv(inter_channels, in_channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        theta, phi, g = _tokens(self.theta(x)), _tokens(self.phi(x)), _tokens(self.g(x))
        if self.attention is not None:
            # The attention divides by the root of the channels, which this block does not.
            theta = theta * theta.shape[2] ** 0.5
            y = self.attention(theta.unsqueeze(1), phi.unsqueeze(1), g.unsqueeze(1)).squeeze(1)
        elif torch.jit.is_scripting():
            y = self._pairwise(theta, phi, g)
        else:
            dtype = self.theta.weight.dtype
            with without_autocast(x):
                y = self._pairwise(theta.to(dtype), phi.to(dtype), g.to(dtype))
        return x + self.project(y.unflatten(1, x.shape[2:]).movedim(-1, 1))

    def _pairwise(self, theta: torch.Tensor, phi: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        count, dtype = g.shape[1], g.dtype
        # In float16 sums over many voxels overflow.
        wide = torch.promote_types(dtype, torch.float32)
        if self.pair_theta is not None and self.pair_phi is not None:
            a, b = self.pair_theta(theta).squeeze(2).to(wide), self.pair_phi(phi).squeeze(2).to(wide)
            return (_sum_of_rectified_sums(a, b, g.to(wide)) / count).to(dtype)
        return (theta.to(wide) @ (phi.to(wide).transpose(1, 2) @ g.to(wide) / count)).to(dtype)


def without_autocast(x: torch.Tensor) -> AbstractContextManager:
    """Switch autocast off on the device of ``x``, whose reduced precision would spoil sums over all voxels."""
    kind = x.device.type
    # Only if there is something to switch off: exporters do not know this context, nor the device "meta" autocast.
    enabled = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    return torch.autocast(kind, enabled=False) if enabled else nullcontext()


def _tokens(x: torch.Tensor) -> torch.Tensor:
    """Turn (B, C, *spatial) into contiguous (B, N, C)."""
    return x.flatten(2).transpose(1, 2).contiguous()


def _sum_of_rectified_sums(a: torch.Tensor, b: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    """Return ``sum_j ReLU(a_i + b_j) g_j`` for all i: (B, N), (B, N) and (B, N, C) -> (B, N, C)."""
    count = a.shape[1]
    # A shift between a and b changes no sum a_i + b_j, but it does change what cancels in the two running sums.
    shift = b.mean(1, keepdim=True)
    a, b = a + shift, b - shift
    b, order = b.sort(dim=1, descending=True)
    g = g.gather(1, order.unsqueeze(2).expand(-1, -1, g.shape[2]))
    running = torch.cat([g, b.unsqueeze(2) * g], 2).cumsum(1)
    running = torch.cat([torch.zeros_like(running[:, :1]), running], 1)
    # How many b are larger than -a_i: both sorted together, those of b counted. Equal ones add nothing.
    merged = torch.cat([b, -a], 1).sort(dim=1, descending=True)[1]
    larger = torch.zeros_like(merged).scatter(1, merged, (merged < count).to(merged.dtype).cumsum(1))[:, count:]
    first, second = running.gather(1, larger.unsqueeze(2).expand(-1, -1, running.shape[2])).chunk(2, 2)
    return a.unsqueeze(2) * first + second
