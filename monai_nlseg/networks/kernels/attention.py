"""Attention on the CPU by a kernel of our own."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F

from monai_nlseg.networks.kernels.library import Kernel, load_kernel

KERNEL = Kernel("attention", without="use attention='torch'")
# Channels of a head that the kernel is instantiated for.
KERNEL_WIDTHS = (16, 32, 64, 128)
# Keys of the kernel's block: PyTorch is faster with fewer, which would leave the block half empty.
BLOCK_KEYS = 128


def compiled_attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Compute ``softmax(Q K^T / sqrt(C)) V`` through the compiled kernel where it applies.

    It applies to CPU tensors of the shapes below that need no gradient, with 128 keys or more and 16, 32, 64 or 128
    channels a head, in any memory layout. It computes in float32; on a processor with AVX512-BF16, products of bfloat16
    operands are taken as they are, with sums in float32, and the weights are rounded to bfloat16. float64 and anything
    else go through :func:`torch.nn.functional.scaled_dot_product_attention`, whose results it has for scores that are
    not finite, too: a row of -inf gives zeros, one with inf or NaN gives NaN. Extra memory: a copy of keys and values,
    of as many heads as go into 64 MiB or of one.

    Args:
        query: (B, heads, L, C).
        key: (B, heads, M, C).
        value: (B, heads, M, C).

    Returns:
        (B, heads, L, C) in the query's dtype; for inputs of unit variance within 1e-5 of the exact result, or in
        bfloat16 within its rounding, 4e-3.

    Raises:
        RuntimeError: if the kernel cannot be compiled (:func:`load_attention_kernel`).
    """
    wanted = torch.is_grad_enabled() and (query.requires_grad or key.requires_grad or value.requires_grad)
    serves = query.device.type == "cpu" and query.dtype != torch.float64 and _fits(query, key, value)
    if wanted or not serves or key.shape[2] < BLOCK_KEYS:
        return F.scaled_dot_product_attention(query, key, value)
    return _attention(query, key, value)


def _fits(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> bool:
    return (
        query.dtype.is_floating_point
        and query.dtype == key.dtype == value.dtype
        and key.shape == value.shape
        and query.dim() == key.dim() == 4
        and query.shape[:2] == key.shape[:2]
        and query.shape[3] == key.shape[3]
        and query.shape[3] in KERNEL_WIDTHS
    )


@torch.library.custom_op("monai_nlseg::attention", mutates_args=(), device_types="cpu")
def _attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    if not _fits(query, key, value):
        given = ", ".join(f"{operand.dtype} {list(operand.shape)}" for operand in (query, key, value))
        raise ValueError(
            f"query, key and value are {given}: expected (B, heads, L, C) and twice (B, heads, M, C) of one floating "
            f"dtype, C being {', '.join(map(str, KERNEL_WIDTHS[:-1]))} or {KERNEL_WIDTHS[-1]}."
        )
    # Here, where nothing can drop it: a trace of a caller leaves out what its example did not need, and the trace may
    # be run with another layout.
    narrow = query.dtype == torch.bfloat16 and serves_bfloat16()
    dtype = torch.bfloat16 if narrow else torch.float32
    packed = [operand.to(dtype).contiguous() for operand in (query, key, value)]
    output = torch.empty(query.shape, dtype=dtype)
    batch, heads, rows, width = query.shape
    status = load_attention_kernel()(
        *(operand.data_ptr() for operand in packed),
        output.data_ptr(),
        batch * heads,
        rows,
        key.shape[2],
        width,
        narrow,
        torch.get_num_threads(),
    )
    if status:
        raise MemoryError(f"no memory to pack {key.shape[2]} keys of {width} channels: use smaller windows.")
    return output.to(query.dtype)


@_attention.register_fake
def _(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    return query.new_empty(query.shape)


@functools.cache
def load_attention_kernel() -> Callable[..., int]:
    """Return the kernel, as :func:`monai_nlseg.networks.kernels.library.load_kernel` does, and with its errors."""
    kernel = load_kernel(KERNEL).monai_nlseg_attention
    kernel.argtypes = [ctypes.c_void_p] * 4 + [ctypes.c_int64] * 4 + [ctypes.c_int] * 2
    kernel.restype = ctypes.c_int
    return kernel


@functools.cache
def serves_bfloat16() -> bool:
    """Return whether the kernel multiplies bfloat16 operands as they are, which needs a processor with AVX512-BF16."""
    return bool(load_kernel(KERNEL).monai_nlseg_attention_narrow())
