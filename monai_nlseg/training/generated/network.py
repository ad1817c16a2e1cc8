"""The network of a plan, built to see what it takes and makes."""

from __future__ import annotations

import torch
from monai.bundle import ConfigComponent
from torch import nn

from monai_nlseg.errors import sentence
from monai_nlseg.training.generated.steps import Config, component
from monai_nlseg.training.planning.networks import BEGINNINGS, OURS
from monai_nlseg.training.planning.settings import Settings

MOST_DOUBLINGS = 4


def network_def(settings: Settings) -> Config:
    """Return the network without weights, as a config.

    Args:
        settings: the settings of the plan.
    """
    return component(settings.network.target, **settings.network.arguments)


def trained_network_def(settings: Settings) -> Config:
    """Return the network that trained weights are loaded into, which fetches no weights to begin with.

    Args:
        settings: the settings of the plan.
    """
    found = network_def(settings)
    if not settings.network.target.startswith(OURS):
        return found
    return {name: value for name, value in found.items() if name not in BEGINNINGS}


def build_network(settings: Settings) -> nn.Module:
    """Return the network of a plan, with random weights and in evaluation mode.

    Args:
        settings: the settings of the plan.

    Raises:
        ValueError: if there is no such class, it does not take the arguments, or it is not a network.
    """
    name = settings.network.target
    try:
        network = ConfigComponent(network_def(settings)).instantiate()
    except Exception as error:  # any class may be named
        raise ValueError(
            f"network.target '{name}' of the plan cannot be built ({sentence(error).rstrip('.')}): correct the path of "
            "the class, or network.arguments."
        ) from None
    if not isinstance(network, nn.Module):
        raise ValueError(f"network.target '{name}' of the plan is no torch.nn.Module: give the path of one.")
    return network.eval()


def probe_network(settings: Settings, channels: int) -> tuple[int, int]:
    """Return what a network makes of an image: the number of channels of its output, and the smallest image it takes.

    An instance norm, for one, takes no map of a single voxel.

    Args:
        settings: the settings of the plan.
        channels: number of channels of an image.

    Returns:
        The number of channels, and the side of the smallest square or cube, a multiple of the network's divisor.

    Raises:
        ValueError: as :func:`build_network`, or if the network takes no such image or gives a map of another size.
    """
    network, name, reason = build_network(settings), settings.network.target, ""
    for doubling in range(MOST_DOUBLINGS):
        side = settings.network.divisor * 2**doubling
        image = torch.zeros(1, channels, *[side] * settings.spatial_dims)
        try:
            with torch.no_grad():
                output = network(image)
        except Exception as error:  # of any network
            reason = sentence(error).rstrip(".")
            continue
        found = tuple(output.shape) if isinstance(output, torch.Tensor) else (type(output).__name__,)
        if len(found) != image.dim() or found[2:] != image.shape[2:]:
            raise ValueError(
                f"network.target '{name}' of the plan makes {list(found)} of an image of {list(image.shape)}: expected "
                "a tensor of the same size, so choose another network or correct network.arguments."
            )
        return int(output.shape[1]), side
    raise ValueError(
        f"network.target '{name}' of the plan takes no image of {channels} channels and {side} voxels a side "
        f"({reason}): correct network.divisor or network.arguments."
    )
