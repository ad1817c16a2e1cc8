"""Instance norm on the CPU by kernels of our own, which keep channels-last memory, in inference and in training."""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from monai_nlseg.networks.kernels.library import Kernel, load_kernel

KERNEL = Kernel("norm", without="leave instance norm to PyTorch")
KERNEL_TYPES = (torch.float32, torch.bfloat16)
# By the axes of a tensor.
CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


def compiled_instance_norm(
    x: torch.Tensor,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    epsilon: float = 1e-5,
    low: float = -math.inf,
    high: float = math.inf,
) -> torch.Tensor:
    """Compute ``clamp(instance_norm(x) * weight + bias, low, high)`` through the compiled kernel where it applies.

    It applies to CPU tensors of 2D and 3D images in float32 or bfloat16, in any memory layout, and returns
    channels-last memory, which convolutions take without a copy. Anything else goes through
    :func:`torch.nn.functional.instance_norm`, whose results it has for NaN and infinities, too. It can be
    differentiated once; a value at a bound passes no gradient, as in PyTorch's ReLU6.

    Args:
        x: (B, C, *spatial).
        weight: (C,), or None for 1.
        bias: (C,), or None for 0.
        epsilon: what is added to the variance.
        low: lower bound of the result, 0 for ReLU and ReLU6.
        high: upper bound of the result, 6 for ReLU6.

    Returns:
        (B, C, *spatial) in the dtype of ``x``; statistics are collected in float64.

    Raises:
        ValueError: for a single voxel, as PyTorch does, or weights that do not fit the channels.
        RuntimeError: if the kernel cannot be compiled (:func:`load_norm_kernels`).
    """
    serves = x.device.type == "cpu" and x.dtype in KERNEL_TYPES and x.dim() in CHANNELS_LAST
    if not serves or math.prod(x.shape[2:]) < 2:
        out = F.instance_norm(x, weight=weight, bias=bias, eps=epsilon)
        return out if low == -math.inf and high == math.inf else F.hardtanh(out, low, high, inplace=True)
    weight = x.new_ones(x.shape[1], dtype=torch.float32) if weight is None else weight
    bias = x.new_zeros(x.shape[1], dtype=torch.float32) if bias is None else bias
    return _norm(x, weight, bias, epsilon, low, high)[0]


@torch.library.custom_op("monai_nlseg::instance_norm", mutates_args=(), device_types="cpu")
def _norm(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, epsilon: float, low: float, high: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    _require(x, x, weight, bias)
    x, out = _packed(x), _image_like(x)
    mean, deviation = _statistics_like(x), _statistics_like(x)
    parameters = weight.float().contiguous(), bias.float().contiguous()
    _run(load_norm_kernels()[0], x, (x, *parameters, out, mean, deviation), (epsilon, low, high))
    return out, mean, deviation


@_norm.register_fake
def _(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, epsilon: float, low: float, high: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return _image_like(x), _statistics_like(x), _statistics_like(x)


@torch.library.custom_op("monai_nlseg::instance_norm_gradient", mutates_args=(), device_types="cpu")
def _gradient(
    given: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    mean: torch.Tensor,
    deviation: torch.Tensor,
    low: float,
    high: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    _require(x, given, weight, bias)
    given, x, out = _packed(given.to(x.dtype)), _packed(x), _image_like(x)
    of_bias, of_weight = _statistics_like(x), _statistics_like(x)
    parameters = weight.float().contiguous(), bias.float().contiguous()
    tensors = (given, x, *parameters, mean.contiguous(), deviation.contiguous(), out, of_bias, of_weight)
    _run(load_norm_kernels()[1], x, tensors, (low, high))
    return out, of_weight, of_bias


@_gradient.register_fake
def _(
    given: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    mean: torch.Tensor,
    deviation: torch.Tensor,
    low: float,
    high: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return _image_like(x), _statistics_like(x), _statistics_like(x)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
    *tensors, _, low, high = inputs
    ctx.save_for_backward(*tensors, *output[1:])
    ctx.bounds = low, high


def _differentiate(ctx: Any, given: torch.Tensor, *of_statistics: Any) -> tuple[torch.Tensor | None, ...]:
    weight, bias = ctx.saved_tensors[1:3]
    of_x, of_weight, of_bias = _gradient(given, *ctx.saved_tensors, *ctx.bounds)
    return of_x, of_weight.sum(0).to(weight.dtype), of_bias.sum(0).to(bias.dtype), None, None, None


_norm.register_autograd(_differentiate, setup_context=_save)


@functools.cache
def load_norm_kernels() -> tuple[Callable[..., int], Callable[..., int]]:
    """Return the kernels of the norm and of its gradient, as :func:`load_kernel` of the library does."""
    library = load_kernel(KERNEL)
    kernels = library.monai_nlseg_norm, library.monai_nlseg_norm_gradient
    for kernel, tensors, numbers in zip(kernels, (6, 9), (3, 2)):
        sizes = [ctypes.c_int64] * 3
        kernel.argtypes = [ctypes.c_void_p] * tensors + sizes + [ctypes.c_float] * numbers + [ctypes.c_int] * 2
        kernel.restype = ctypes.c_int
    return kernels


def _require(x: torch.Tensor, given: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> None:
    fits = x.dtype in KERNEL_TYPES and x.dim() in CHANNELS_LAST and x.shape == given.shape
    if not fits or not tuple(weight.shape) == tuple(bias.shape) == tuple(x.shape[1:2]):
        raise ValueError(
            f"the image is {x.dtype} {list(x.shape)} with weights {list(weight.shape)} and {list(bias.shape)}: "
            "expected (B, C, *spatial) of 2D or 3D in float32 or bfloat16, and twice (C,)."
        )


def _packed(x: torch.Tensor) -> torch.Tensor:
    # Here, where nothing can drop it, as in the attention.
    return x.contiguous(memory_format=CHANNELS_LAST[x.dim()])


def _image_like(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x, memory_format=CHANNELS_LAST[x.dim()])


def _statistics_like(x: torch.Tensor) -> torch.Tensor:
    return x.new_empty(x.shape[:2], dtype=torch.float32)


def _run(
    kernel: Callable[..., int], x: torch.Tensor, tensors: tuple[torch.Tensor, ...], numbers: tuple[float, ...]
) -> None:
    sizes = x.shape[0], math.prod(x.shape[2:]), x.shape[1]
    arrays = (tensor.data_ptr() for tensor in tensors)
    if kernel(*arrays, *sizes, *numbers, x.dtype == torch.bfloat16, torch.get_num_threads()):
        raise MemoryError(f"no memory to sum over images of shape {list(x.shape)}: use smaller windows.")
