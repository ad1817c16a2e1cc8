"""Kernels compiled on the machine they run on."""

from __future__ import annotations

from monai_nlseg.networks.kernels.attention import compiled_attention, load_attention_kernel
from monai_nlseg.networks.kernels.excitation import load_excitation_kernel
from monai_nlseg.networks.kernels.mbconv import load_block_kernel
from monai_nlseg.networks.kernels.norm import compiled_instance_norm, load_norm_kernels

__all__ = [
    "compiled_attention",
    "compiled_instance_norm",
    "load_attention_kernel",
    "load_block_kernel",
    "load_excitation_kernel",
    "load_norm_kernels",
]
