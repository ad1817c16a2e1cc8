"""Networks of other libraries in the form that a bundle's trainer takes."""

from __future__ import annotations

import torch
import torch.nn as nn


class SingleOutput(nn.Module):
    """Network that returns the first output of one that returns several.

    ``SupervisedTrainer`` can then train MONAI's ``BasicUNetPlusPlus``, which returns a list.

    Args:
        network: network that returns a list or tuple of tensors.

    Shapes: those of ``network``'s input and first output.

    Examples::

        >>> from monai.networks.nets import BasicUNetPlusPlus
        >>> network = BasicUNetPlusPlus(2, 1, 1, features=(4, 4, 4, 4, 4, 4))
        >>> SingleOutput(network)(torch.zeros(1, 1, 32, 32)).shape
        torch.Size([1, 1, 32, 32])
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x)[0]
