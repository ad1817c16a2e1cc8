"""Kernels compiled on the machine they run on."""

from __future__ import annotations

from monai_nlseg.networks.kernels.attention import compiled_attention, load_attention_kernel

__all__ = ["compiled_attention", "load_attention_kernel"]
