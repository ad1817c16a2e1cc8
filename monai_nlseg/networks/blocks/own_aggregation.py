"""The attention block of the Non-local U-Net: the package's own, or another that takes the same arguments."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import torch
import torch.nn as nn
from monai.networks import eval_mode
from torch._subclasses.fake_tensor import FakeTensorMode

from monai_nlseg.networks.blocks.global_aggregation import GlobalAggregation
from monai_nlseg.quiet import trials_unlogged

Aggregation: TypeAlias = "str | Callable[..., nn.Module] | tuple[str | Callable[..., nn.Module], dict[str, Any]]"
"""A class, the dotted path of one, or either with further arguments."""
SIDE = 8
"""Side of the input that a block is tried with."""


def build_aggregation(
    aggregation: Aggregation,
    spatial_dims: int,
    in_channels: int,
    out_channels: int,
    query: Literal["same", "up"],
    num_heads: int,
    dropout: float,
) -> nn.Module:
    """Build the attention block of a residual block.

    It is called as ``aggregation(spatial_dims, in_channels, out_channels, query=..., num_heads=..., dropout=...)``, as
    :class:`GlobalAggregation` is, and turns (B, in_channels, *spatial) into (B, out_channels, *spatial), or into
    (B, out_channels, *(2 * spatial)) if the query is "up". One of another size would be added to the shortcut
    unnoticed where PyTorch can repeat it, so blocks other than the package's are tried with sides of 8.

    Args:
        aggregation: the class, or any callable that returns a module; its dotted path, such as "my_module.MyBlock"; or
            a pair of either and a mapping of further arguments.
        spatial_dims: 2 or 3.
        in_channels: channels of the input.
        out_channels: channels of the output.
        query: whether the output has the size of the input ("same") or twice that ("up").
        num_heads: heads of the attention.
        dropout: dropout rate on the attention weights.

    Raises:
        ValueError: for a path that cannot be imported, a block that does not take these arguments, something that is
            no module, or a block whose output has another shape.
    """
    given, options = (aggregation[0], aggregation[1]) if isinstance(aggregation, tuple | list) else (aggregation, {})
    build = _imported(given) if isinstance(given, str) else given
    name = given if isinstance(given, str) else getattr(given, "__name__", type(given).__name__)
    arguments = {"query": query, "num_heads": num_heads, "dropout": dropout, **options}
    if build is GlobalAggregation:
        return GlobalAggregation(spatial_dims, in_channels, out_channels, **arguments)
    try:
        block = build(spatial_dims, in_channels, out_channels, **arguments)
    except TypeError as error:
        raise ValueError(
            f"the attention block {name} does not take the arguments (spatial_dims, in_channels, out_channels, "
            f"{', '.join(f'{key}={value!r}' for key, value in arguments.items())}): {error}."
        ) from None
    if not isinstance(block, nn.Module):
        raise ValueError(f"the attention block {name} gives a {type(block).__name__}: give a torch.nn.Module.")
    expected = (1, out_channels, *(SIDE * (2 if query == "up" else 1),) * spatial_dims)
    shape = _output_shape(block, (1, in_channels, *(SIDE,) * spatial_dims))
    if shape is not None and shape != expected:
        raise ValueError(
            f"the attention block {name} with query={query!r} turns {[1, in_channels, *(SIDE,) * spatial_dims]} into "
            f"{list(shape)}: expected {list(expected)}."
        )
    return block


def _imported(path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except (ImportError, ValueError) as error:
        raise ValueError(
            f"the attention block {path!r} cannot be imported ({error}): give the dotted path of a class in an "
            "installed package, or put the folder of its file into the environment variable PYTHONPATH."
        ) from None
    if not callable(found):
        raise ValueError(f"the module {module!r} has no class {name!r}: correct the path of the attention block.")
    return found


def _output_shape(block: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the shape of a block's output; None if it does not take this input, as a block of fixed size."""
    try:
        fake = FakeTensorMode(allow_non_fake_inputs=True)
        with eval_mode(block), torch.no_grad(), fake, trials_unlogged():
            output = block(torch.empty(shape))
    except Exception:  # whatever a block raises for a size that it does not take
        return None
    return tuple(output.shape) if isinstance(output, torch.Tensor) else ()
