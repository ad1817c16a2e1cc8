"""Depthwise-separable convolutions and squeeze-and-excitation in one call on the CPU, by a kernel of our own."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from monai_nlseg.networks.kernels.library import Kernel, load_kernel

KERNEL = Kernel("mbconv", without="leave separable convolutions to PyTorch")
PANEL = 48
"""Channels that the kernel holds together, as in its source."""
TAPS = (3, 5)
STRIDES = (1, 2)

Layer = tuple[torch.Tensor, torch.Tensor | None]
"""Weight and bias of a layer."""


@dataclass(frozen=True)
class SeparableBlock:
    """The layers of a block of 2D images.

    They are, with what a block may lack in brackets: [1x1 convolution, swish], depthwise convolution, swish,
    [squeeze-and-excitation], 1x1 convolution, [swish] [plus the image].

    Args:
        expand: the first convolution (C, C_in, 1, 1).
        depthwise: (C, 1, K, K), K of ``TAPS``.
        excitation: the weights (S, C), (S), (S, C), (C) of squeeze-and-excitation, the third transposed.
        project: the last convolution (C_out, C, 1, 1).
        stride: the depthwise convolution's, of ``STRIDES``.
        before: zeros before the rows and the columns that the depthwise convolution reads.
        residual: whether the image is added to the result.
        swish: whether swish ends the block.
    """

    expand: Layer | None
    depthwise: Layer
    excitation: tuple[torch.Tensor, ...] | None
    project: Layer
    stride: int
    before: tuple[int, int]
    residual: bool
    swish: bool


class PackedBlock(ctypes.Structure):
    """The weights of a :class:`SeparableBlock` in the kernel's layout."""

    POINTERS = (
        *("expand", "expand_bias", "depthwise", "depthwise_bias"),
        *("squeeze", "squeeze_bias", "excite", "excite_bias", "project", "project_bias"),
    )
    SIZES = ("channels", "squeezed", "outputs", "taps", "stride", "top", "left", "residual", "swish")
    _fields_ = [(name, ctypes.c_void_p) for name in POINTERS] + [(name, ctypes.c_int64) for name in SIZES]

    def __init__(self, block: SeparableBlock) -> None:
        depthwise, channels = block.depthwise[0], block.depthwise[0].shape[0]
        self.held = [
            *(_panels(block.expand[0].flatten(1).t(), block.expand[1]) if block.expand else (None, None)),
            *_panels(depthwise.flatten(1).t(), block.depthwise[1]),
            *(block.excitation or [None] * 4),
            *_panels(block.project[0].flatten(1).t(), block.project[1]),
        ]
        squeezed = block.excitation[0].shape[0] if block.excitation else 0
        sizes = channels, squeezed, block.project[0].shape[0], depthwise.shape[-1], block.stride
        super().__init__(
            *(None if tensor is None else tensor.data_ptr() for tensor in self.held),
            *(*sizes, *block.before, block.residual, block.swish),
        )


def compiled_block(block: PackedBlock, images: Sequence[torch.Tensor], size: tuple[int, int]) -> torch.Tensor:
    """Compute a block.

    Args:
        block: the block.
        images: (B, C_in, H, W), float32 on the CPU; for a block without a first convolution one or two, with the
            channels of the image between them.
        size: height and width of the result.

    Returns:
        (B, C_out, *size), float32, channels last.

    Raises:
        RuntimeError: if the kernel cannot be compiled (:func:`load_block_kernel`).
        MemoryError: if no memory is left for the channels between the convolutions.
    """
    x, low = (images[at].contiguous(memory_format=torch.channels_last) for at in (0, -1))
    batch, _, height, width = x.shape
    out = torch.empty((batch, block.outputs, *size), memory_format=torch.channels_last)
    arrays = x.data_ptr(), low.data_ptr(), out.data_ptr(), ctypes.byref(block)
    if load_block_kernel()(*arrays, batch, x.shape[1], height, width, *size, torch.get_num_threads()):
        raise MemoryError(f"no memory for the channels of an image of shape {list(x.shape)}: use smaller windows.")
    return out


@functools.cache
def load_block_kernel() -> Callable[..., int]:
    """Return the kernel, as :func:`monai_nlseg.networks.kernels.library.load_kernel` does, and with its errors."""
    kernel = load_kernel(KERNEL).monai_nlseg_mbconv
    kernel.argtypes = [ctypes.c_void_p] * 4 + [ctypes.c_int64] * 6 + [ctypes.c_int]
    kernel.restype = ctypes.c_int
    return kernel


def _panels(matrix: torch.Tensor, bias: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a matrix (K, N) as (panels, K, PANEL), filled up with zeros, and its bias (N) as (panels, PANEL)."""
    bias = matrix.new_zeros(matrix.shape[1]) if bias is None else bias
    filled = F.pad(torch.cat([matrix, bias[None]]), (0, -matrix.shape[1] % PANEL)).unflatten(1, (-1, PANEL))
    panels = filled.movedim(1, 0)
    return panels[:, :-1].contiguous(), panels[:, -1].contiguous()
