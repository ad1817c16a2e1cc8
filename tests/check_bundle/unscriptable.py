"""A network that TorchScript refuses."""

from __future__ import annotations

import torch


class Network(torch.nn.Module):
    """A convolution that is called in a way TorchScript cannot compile."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(1, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, 2, H, W) for (B, 1, H, W)."""
        return (lambda *arguments: self.layer(*arguments))(x)
