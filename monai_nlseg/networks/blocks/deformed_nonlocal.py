"""The deformed non-local block: attention between channels, spread over space by an outer product."""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn as nn
from monai.networks.layers.factories import Conv

from monai_nlseg.networks.blocks.nonlocal_block import without_autocast
from monai_nlseg.networks.checks import check_spatial_dims

Interpretation = Literal["outer", "excite_input", "excite_aggregate"]


class DeformedNonLocalBlock(nn.Module):
    """Deformed non-local block of DNL-Net: channels attend to channels, in O(C^2 N) instead of O(C N^2).

    With the input ``x`` as a C x N matrix, N its voxels, and 1x1 convolutions theta, phi, g (C to C) and conv, conv'
    (C to 1)::

        y1 = softmax(theta(x) phi(x)^T / sqrt(N)) g(x)    (8)       C x N, softmax over the last axis
        y2 = conv(x) y1^T / N                             (9)       1 x C
        y4 = W2 ReLU(W1 y2)                               (10, 11)  C
        out = x + y4 conv'(x)                             (12)      C x N, an outer product

    Source: "DNL-Net: deformed non-local neural network for blood vessel segmentation", BMC Medical Imaging 22:109
    (2022), equations (7) to (12). The paper has no public code and its equations need choices:

    - ``interpretation``: only "outer" closes all printed dimensions (with the transposition of conv' in (12) taken as
      its channel, 1) and uses both one-channel convolutions. "excite_input" is ``sigmoid(y4) x``, the scaling of a
      squeeze-and-excitation whose descriptor is y2; "excite_aggregate" is ``sigmoid(SE(mean(y1))) y1``, "an SE module
      after the non-local operation".
    - ``scale``: the paper prints neither divisor. Without them the logits grow with N and the softmax is one-hot
      from the start. With 1 / sqrt(N) it still sharpens with the window: infer on windows of the training's size.
    - ``residual``: (5) adds the input, (12) does not; without it "outer" passes on a map of rank 1 only.
    - ReLU between (10) and (11), and conv other than conv'.

    Nothing of the size of theta(x), phi(x), g(x) or y1 is held: with ``X`` the input and a row of ones beneath, and
    ``A = [weight, bias]`` of a convolution a, ``a(x) b(x)^T = A (X X^T) B^T``. One product over the voxels serves (8)
    and (9), the rest is C x C algebra, under autocast too in the precision of the weights, and in float32 at
    least.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels C of input and output.
        interpretation: "outer", "excite_input" or "excite_aggregate".
        reduction: divisor of the channels between W1 and W2; the paper names none ("rate").
        residual: whether the input is added.
        scale: whether (8) and (9) are divided as above; False is as printed.

    Shapes: (B, in_channels, *spatial) -> the same, any value range.

    Raises:
        ValueError: for another ``spatial_dims``, an unknown ``interpretation``, or a ``reduction`` that leaves no
            channel.

    Examples::

        >>> import torch
        >>> from monai_nlseg.networks.blocks import DeformedNonLocalBlock
        >>> DeformedNonLocalBlock(spatial_dims=2, in_channels=64)(torch.zeros(1, 64, 96, 96)).shape
        torch.Size([1, 64, 96, 96])
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        interpretation: Interpretation = "outer",
        reduction: int = 16,
        residual: bool = True,
        scale: bool = True,
    ) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        if interpretation not in get_args(Interpretation):
            known = ", ".join(map(repr, get_args(Interpretation)))
            raise ValueError(f"interpretation {interpretation!r} is unknown: choose {known}.")
        if not 1 <= reduction <= in_channels:
            raise ValueError(
                f"reduction {reduction} leaves no channel of {in_channels}: choose it in 1 to {in_channels}."
            )
        self.interpretation = interpretation
        self.residual = residual
        self.scale = scale
        conv = Conv[Conv.CONV, spatial_dims]
        self.theta = conv(in_channels, in_channels, 1)
        self.phi = conv(in_channels, in_channels, 1)
        self.g = conv(in_channels, in_channels, 1)
        self.squeeze: nn.Conv1d | nn.Conv2d | nn.Conv3d | None = (
            conv(in_channels, 1, 1) if interpretation != "excite_aggregate" else None
        )
        self.spread: nn.Module | None = conv(in_channels, 1, 1) if interpretation == "outer" else None
        self.excite = nn.Sequential(
            nn.Linear(in_channels, in_channels // reduction),
            nn.ReLU(inplace=True),
            nn.Linear(in_channels // reduction, in_channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if torch.jit.is_scripting():
            gate, value = self._attend(x)
        else:
            with without_autocast(x):
                gate, value = self._attend(x.to(self.theta.weight.dtype))
        gate = gate.reshape(list(gate.shape) + [1] * (x.dim() - 2)).to(x.dtype)
        if self.squeeze is None:
            value = value.to(x.dtype)
            out = gate * (value[:, :, :-1] @ x.flatten(2) + value[:, :, -1:]).unflatten(2, x.shape[2:])
            return x + out if self.residual else out
        spread = x if self.spread is None else self.spread(x)
        # In one pass: the product alone would be as large as x and take longer than everything before.
        return torch.addcmul(x, gate, spread) if self.residual else gate * spread

    def _attend(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the scale of each channel, (B, C), and the weights and biases, (B, C, C + 1), that turn x into y1."""
        # In float16 sums over many voxels overflow.
        tokens = x.flatten(2).to(torch.promote_types(x.dtype, torch.float32))
        count = tokens.shape[2]
        total = tokens.sum(2, keepdim=True)
        # X X^T, of which the last row and column are the sums over voxels and the last element their number.
        moments = torch.cat(
            [
                torch.cat([tokens @ tokens.transpose(1, 2), total], 2),
                torch.cat([total.transpose(1, 2), torch.full_like(total[:, :1], count)], 2),
            ],
            1,
        )
        theta, phi = (
            _affine(self.theta.weight, self.theta.bias, tokens),
            _affine(self.phi.weight, self.phi.bias, tokens),
        )
        logits = theta @ moments @ phi.t()
        g = _affine(self.g.weight, self.g.bias, tokens)
        value = (logits * count**-0.5 if self.scale else logits).softmax(-1) @ g
        if self.squeeze is not None:
            squeeze = _affine(self.squeeze.weight, self.squeeze.bias, tokens)
            collected = (squeeze @ moments @ value.transpose(1, 2)).squeeze(1)
            gate = self.excite((collected / count if self.scale else collected).to(x.dtype))
            return gate if self.spread is not None else gate.sigmoid(), value
        return self.excite(((value @ moments[:, :, -1:]).squeeze(2) / count).to(x.dtype)).sigmoid(), value


def _affine(weight: torch.Tensor, bias: torch.Tensor | None, like: torch.Tensor) -> torch.Tensor:
    """Return a 1x1 convolution as one matrix (C_out, C_in + 1) of ``like``'s type, for inputs with a 1 appended."""
    assert bias is not None
    return torch.cat([weight.flatten(1), bias.unsqueeze(1)], 1).to(like.dtype)
