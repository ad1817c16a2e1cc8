"""Attention on the CPU by a kernel of our own, compiled once on the machine and kept in the user's cache."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

__all__ = ["KERNEL_WIDTHS", "compiled_attention", "load_attention_kernel"]

SOURCE = Path(__file__).with_name("attention.cpp")
# Channels of a head that the kernel is instantiated for.
KERNEL_WIDTHS = (16, 32, 64, 128)
# Keys of the kernel's block: PyTorch is faster with fewer, which would leave the block half empty.
BLOCK_KEYS = 128
# By what PyTorch found the processor capable of; a cache that several machines share stays right.
ARCHITECTURES = {"AVX512": "x86-64-v4", "AVX2": "x86-64-v3"}
FLAGS = ("-std=c++17", "-O3", "-fno-math-errno", "-ffp-contract=fast", "-fopenmp", "-shared", "-fPIC")


def compiled_attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Compute ``softmax(Q K^T / sqrt(C)) V`` through the compiled kernel where it applies.

    It applies to CPU tensors of the shapes below that need no gradient, with 128 keys or more and 16, 32, 64 or 128
    channels a head, in any memory layout; it computes in float32. float64 and anything else go through
    :func:`torch.nn.functional.scaled_dot_product_attention`, whose results it has for scores that are not finite, too:
    a row of -inf gives zeros, one with inf or NaN gives NaN. Extra memory: a copy of keys and values, of as many heads
    as go into 64 MiB or of one.

    Args:
        query: (B, heads, L, C).
        key: (B, heads, M, C).
        value: (B, heads, M, C).

    Returns:
        (B, heads, L, C) in the query's dtype; within 1e-5 of the exact result for inputs of unit variance.

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
    # Here, where nothing can drop it: whoever traces a caller leaves out what its example did not need, and whoever
    # runs the trace may bring another layout.
    packed = [operand.to(torch.float32).contiguous() for operand in (query, key, value)]
    output = torch.empty(query.shape, dtype=torch.float32)
    batch, heads, rows, width = query.shape
    status = load_attention_kernel()(
        *(operand.data_ptr() for operand in packed),
        output.data_ptr(),
        batch * heads,
        rows,
        key.shape[2],
        width,
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
    """The kernel, compiled with ``$CXX`` (g++ if unset) when the cache does not have it yet; about a second.

    The cache is ``$XDG_CACHE_HOME/monai_nlseg`` (``~/.cache/monai_nlseg`` if unset).

    Raises:
        RuntimeError: for a processor without AVX2, a missing compiler, or one that fails.
    """
    capability = torch.backends.cpu.get_cpu_capability()
    if capability not in ARCHITECTURES:
        raise RuntimeError(
            f"the attention kernel needs a processor with AVX2 or AVX-512, PyTorch found {capability}: "
            "use attention='torch'."
        )
    command = [os.environ.get("CXX", "g++"), *FLAGS, f"-march={ARCHITECTURES[capability]}"]
    recipe = SOURCE.read_bytes() + " ".join(command).encode()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "monai_nlseg"
    name = f"attention-{hashlib.sha256(recipe).hexdigest()[:16]}"
    library = next(filter(_is_whole, cache.glob(f"{name}-*.so")), None) or _compile(command, cache, name)
    try:
        kernel = ctypes.CDLL(str(library)).monai_nlseg_attention
    except OSError as error:
        raise RuntimeError(
            f"the attention kernel '{library}' cannot be loaded ({error}): delete it, set XDG_CACHE_HOME to a folder "
            "that programs may be loaded from, or use attention='torch'."
        ) from None
    kernel.argtypes = [ctypes.c_void_p] * 4 + [ctypes.c_int64] * 4 + [ctypes.c_int]
    kernel.restype = ctypes.c_int
    return kernel


def _is_whole(library: Path) -> bool:
    """Whether the file has the size in its name: to load one that was cut short would end the process."""
    return library.stat().st_size == int(library.stem.rsplit("-", 1)[1])


def _compile(command: list[str], cache: Path, name: str) -> Path:
    """Compile beside the result and rename into place, so that processes may do so at the same time."""
    if shutil.which(command[0]) is None:
        raise RuntimeError(
            f"the attention kernel needs a C++ compiler and '{command[0]}' is not on the PATH: install g++, set CXX, "
            "or use attention='torch'."
        )
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            compiled = Path(folder) / f"{name}.so"
            done = subprocess.run([*command, "-o", str(compiled), str(SOURCE)], capture_output=True, text=True)
            if done.returncode:
                first = next((line for line in done.stderr.splitlines() if "error" in line), "it gave no reason")
                raise RuntimeError(
                    f"'{command[0]}' cannot compile the attention kernel ({first}): install g++ 11 or later, or use "
                    "attention='torch'."
                )
            library = cache / f"{name}-{compiled.stat().st_size}.so"
            os.replace(compiled, library)
    except OSError as error:
        raise RuntimeError(
            f"the attention kernel cannot be written to {cache} ({error.strerror}): set XDG_CACHE_HOME to a "
            "folder you may write to, or use attention='torch'."
        ) from None
    return library
