"""The cost of a pass through a network, found without running it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn as nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from monai_nlseg.networks.fusing import FusedConvolution


@dataclass(frozen=True)
class Footprint:
    """Cost of one forward pass.

    Attributes:
        flops: floating-point operations of convolutions, matrix products and attention, a multiply-add being two.
        peak_bytes: most bytes of input, activations and output held at a time; weights are not among them.
        outputs: shapes of the tensors returned.
    """

    flops: int
    peak_bytes: int
    outputs: tuple[tuple[int, ...], ...]


def forward_footprint(
    forward: Callable[[torch.Tensor], Any], shape: Sequence[int], device: torch.device | str = "cpu"
) -> Footprint:
    """Return the cost of ``forward`` on a float32 input, from the shapes of all operations; nothing is computed.

    Scratch memory inside an operation is not seen; if convolutions run through oneDNN or cuDNN, it is small compared
    with the activations.

    Args:
        forward: a network, or a function that calls one.
        shape: shape of the input, batch and channels first.
        device: where the network is.
    """
    attention = {
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
        torch.ops.monai_nlseg.attention: _attention_flops,
    }
    counter = FlopCounterMode(display=False, custom_mapping=attention)
    memory = _PeakMemory()
    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True), counter, memory:
        outputs = forward(torch.empty(tuple(shape), device=device))
    shapes = tuple(tuple(output.shape) for output in filter(_is_tensor, tree_flatten(outputs)[0]))
    return Footprint(counter.get_total_flops(), memory.peak, shapes)


def weights_bytes(network: nn.Module) -> int:
    """Return the bytes of the parameters and buffers of ``network``."""
    tensors = [*network.parameters(), *network.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def packed_bytes(network: nn.Module) -> int:
    """Return the bytes of the weights that ``network`` keeps once more, packed, from its first pass on."""
    fused = (module for module in network.modules() if isinstance(module, FusedConvolution))
    return sum(module.weight.numel() * module.weight.element_size() for module in fused)


class _PeakMemory(TorchDispatchMode):
    """Mode that follows the bytes of all tensors made while it is active."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self.held: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        known = {tensor.untyped_storage()._cdata for tensor in tree_flatten((args, kwargs))[0] if _is_tensor(tensor)}
        outputs = func(*args, **(kwargs or {}))
        self.held = {key: entry for key, entry in self.held.items() if not entry[0].expired()}
        for output in filter(_is_tensor, tree_flatten(outputs)[0]):
            storage = output.untyped_storage()
            if storage._cdata not in known:
                self.held[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        self.peak = max(self.peak, sum(size for _, size in self.held.values()))
        return outputs


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def _attention_flops(
    query: Sequence[int], key: Sequence[int], value: Sequence[int], *args: Any, out_shape: Any = None, **kwargs: Any
) -> int:
    return int(sdpa_flop_count(query, key, value))
