"""Checks of the arguments and inputs of networks and blocks."""

from __future__ import annotations

from numbers import Integral

import torch

from monai_nlseg.bounds import shown

MOST_CHANNELS = 65_536


def check_spatial_dims(spatial_dims: int) -> None:
    """Check the number of spatial axes.

    Args:
        spatial_dims: the number given.

    Raises:
        ValueError: for any number but 2 and 3.
    """
    if spatial_dims not in (2, 3):
        raise ValueError(f"spatial_dims {spatial_dims!r} is not supported: choose 2 or 3.")


def check_channels(**channels: int) -> None:
    """Check numbers of channels, given by the names of the arguments.

    Raises:
        ValueError: for one that is not an integer from 1 to 65,536.
    """
    for name, count in channels.items():
        if not isinstance(count, Integral) or not 1 <= count <= MOST_CHANNELS:
            raise ValueError(
                f"{name} {shown(count)} is not a number of channels: give an integer, at least 1 and at most "
                f"{MOST_CHANNELS:,}."
            )


def check_input(x: torch.Tensor, spatial_dims: int, in_channels: int, divisor: int) -> None:
    """Check rank, channels and divisibility of a network's input; works under TorchScript and ``torch.export``.

    Args:
        x: (B, in_channels, *spatial).
        spatial_dims: number of spatial axes.
        in_channels: channels the network was built for.
        divisor: number by which each spatial size must be divisible.

    Raises:
        ValueError: for another rank or number of channels, or a size that is not divisible (the message names the
            size to pad to).
    """
    if x.dim() != spatial_dims + 2:
        raise ValueError(
            f"input has shape {list(x.shape)}: expected (batch, {in_channels}, and {spatial_dims} spatial axes)."
        )
    if x.shape[1] != in_channels:
        raise ValueError(
            f"input has {x.shape[1]} channels, the network was built for {in_channels}: give one channel per modality."
        )
    divides = True
    padded: list[int] = []
    for size in x.shape[2:]:
        padded.append(max((size + divisor - 1) // divisor, 1) * divisor)
        divides = divides and size % divisor == 0 and size > 0
    if not divides:
        raise ValueError(f"spatial size {list(x.shape[2:])} is not divisible by {divisor}: pad to {padded}.")
