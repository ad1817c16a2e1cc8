"""Memory that a training step will take, found without running it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn as nn
from torch._subclasses.fake_tensor import FakeTensorMode

from monai_nlseg.networks.footprint import weights_bytes
from monai_nlseg.quiet import trials_unlogged

RUNTIME_BYTES = 700_000_000
"""What a training process takes besides tensors: Python, PyTorch, MONAI and oneDNN's code and scratch."""


@dataclass(frozen=True)
class TrainingMemory:
    """Memory of a training step.

    Attributes:
        fixed: bytes whatever the batch.
        each: bytes for each window of a batch.
    """

    fixed: int
    each: int

    def of(self, batch: int) -> int:
        """Return the bytes at the peak of a step.

        Args:
            batch: number of windows.
        """
        return self.fixed + batch * self.each


def training_memory(network: nn.Module, shape: Sequence[int], bfloat16: bool = False) -> TrainingMemory:
    """Estimate the peak memory of a training step.

    It is the sum of the tensors that the forward pass keeps for the backward pass, of the output four times (for the
    loss and its gradient), of the weights four times (gradients and AdamW's two moments), and of
    :data:`RUNTIME_BYTES`. Scratch inside operations and cached images are not seen.

    Args:
        network: the network, in training mode.
        shape: (C, *spatial) of a window.
        bfloat16: whether it runs under autocast.
    """
    kept: dict[int, torch.UntypedStorage] = {}
    weights = {parameter.untyped_storage()._cdata for parameter in network.parameters()}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    batch = 2  # batch norms refuse a single value a channel
    fake, cast = FakeTensorMode(allow_non_fake_inputs=True), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16)
    with fake, trials_unlogged(), cast, hooks:
        output = network(torch.empty(batch, *shape))
        activations = sum(storage.nbytes() for storage in kept.values()) + 4 * output.numel() * 4
    return TrainingMemory(4 * weights_bytes(network) + RUNTIME_BYTES, activations // batch)
