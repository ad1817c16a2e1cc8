"""What this machine can do."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from monai_nlseg.machine import free_memory, processor


@dataclass(frozen=True)
class Processor:
    """The machine as the rules see it.

    Attributes:
        name: name of the GPU, or of the processor if there is none.
        gpu: whether there is a GPU.
        memory: bytes that can still be allocated where the network runs.
        bfloat16: what multiplies bfloat16 in hardware, such as "AVX512-BF16"; None for nothing.
    """

    name: str
    gpu: bool
    memory: int
    bfloat16: str | None


def this_machine() -> Processor:
    """Return what the machine that runs this can do."""
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name(0)
        native = "its tensor cores" if torch.cuda.get_device_capability(0) >= (8, 0) else None
        return Processor(name, True, torch.cuda.mem_get_info(0)[0], native)
    return Processor(processor(), False, free_memory(), _products())


def _products() -> str | None:
    # These are no public functions of PyTorch.
    for name, what in (("_is_amx_tile_supported", "AMX"), ("_is_avx512_bf16_supported", "AVX512-BF16")):
        if getattr(torch.cpu, name, lambda: False)():
            return what
    return None
