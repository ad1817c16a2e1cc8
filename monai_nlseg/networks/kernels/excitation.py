"""Squeeze-and-excitation on the CPU by a kernel of our own."""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Callable

import torch

from monai_nlseg.networks.kernels.library import Kernel, load_kernel
from monai_nlseg.networks.kernels.norm import CHANNELS_LAST

KERNEL = Kernel("excitation", without="leave squeeze-and-excitation to PyTorch")


def serves_excitation(x: torch.Tensor) -> bool:
    """Return whether :func:`compiled_excitation` takes an image: float32 on the CPU, channels last, not empty."""
    if x.device.type != "cpu" or x.dtype != torch.float32 or x.dim() not in CHANNELS_LAST or not x.numel():
        return False
    return x.is_contiguous(memory_format=CHANNELS_LAST[x.dim()])


def compiled_excitation(
    x: torch.Tensor,
    squeeze: torch.Tensor,
    squeeze_bias: torch.Tensor,
    excite: torch.Tensor,
    excite_bias: torch.Tensor,
    constant: float = 0.0,
    inplace: bool = False,
) -> torch.Tensor:
    """Multiply each channel by ``constant + sigmoid(excite^T swish(squeeze mean(x) + squeeze_bias) + excite_bias)``.

    Args:
        x: (B, C, *spatial), of which :func:`serves_excitation` says whether it can be taken.
        squeeze: (S, C), contiguous, float32 as all that follow.
        squeeze_bias: (S,).
        excite: (S, C), transposed.
        excite_bias: (C,).
        constant: 1 to add the image to the result.
        inplace: whether the result overwrites the image.

    Returns:
        (B, C, *spatial), float32.

    Raises:
        RuntimeError: if the kernel cannot be compiled (:func:`load_excitation_kernel`).
        MemoryError: if no memory is left for the sums.
    """
    out = x if inplace else torch.empty_like(x)
    tensors = (x, out, squeeze, squeeze_bias, excite, excite_bias)
    sizes = x.shape[0], math.prod(x.shape[2:]), x.shape[1], squeeze.shape[0]
    arrays = (tensor.data_ptr() for tensor in tensors)
    if load_excitation_kernel()(*arrays, *sizes, constant, torch.get_num_threads()):
        raise MemoryError(f"no memory to sum over images of shape {list(x.shape)}: use smaller windows.")
    return out


@functools.cache
def load_excitation_kernel() -> Callable[..., int]:
    """Return the kernel, as :func:`monai_nlseg.networks.kernels.library.load_kernel` does, and with its errors."""
    kernel = load_kernel(KERNEL).monai_nlseg_excitation
    kernel.argtypes = [ctypes.c_void_p] * 6 + [ctypes.c_int64] * 4 + [ctypes.c_float, ctypes.c_int]
    kernel.restype = ctypes.c_int
    return kernel
