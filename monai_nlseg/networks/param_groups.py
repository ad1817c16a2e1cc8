"""Parameter groups for optimisers."""

from __future__ import annotations

from typing import Any

import torch.nn as nn


def kernel_decay_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return two parameter groups: kernels (more than one axis) decay, biases and normalisation do not.

    With :class:`torch.optim.Adam` the gradient of a kernel w grows by ``weight_decay * w``, which is the published
    Non-local U-Net's penalty ``weight_decay * sum(w^2) / 2`` (2e-6 there).

    Args:
        network: the network; parameters that need no gradient are left out.
        weight_decay: decay of the kernels, at least 0.
    """
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
