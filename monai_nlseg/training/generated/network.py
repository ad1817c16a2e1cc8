"""The network of a plan, built to see that it can be."""

from __future__ import annotations

import torch
from monai.bundle import ConfigComponent
from torch import nn

from monai_nlseg.errors import sentence
from monai_nlseg.training.generated.recipe import Recipe
from monai_nlseg.training.generated.steps import Config, component

MOST_DOUBLINGS = 4


def network_def(recipe: Recipe) -> Config:
    """Return the network without weights, as a config.

    Args:
        recipe: the recipe of the bundle.
    """
    return component(recipe.settings.network.target, **recipe.settings.network.arguments)


def build_network(recipe: Recipe) -> nn.Module:
    """Return the network of a plan, with random weights and in evaluation mode.

    Args:
        recipe: the recipe of the bundle.

    Raises:
        ValueError: if there is no such class, it does not take the arguments, or it is not a network.
    """
    name = recipe.settings.network.target
    try:
        network = ConfigComponent(network_def(recipe)).instantiate()
    except Exception as error:  # any class may be named
        raise ValueError(
            f"network.target '{name}' of the plan cannot be built ({sentence(error).rstrip('.')}): correct the path of "
            "the class, or network.arguments."
        ) from None
    if not isinstance(network, nn.Module):
        raise ValueError(f"network.target '{name}' of the plan is no torch.nn.Module: give the path of one.")
    return network.eval()


def smallest_side(recipe: Recipe) -> int:
    """Return the side of the smallest square or cube that the network takes, a multiple of its divisor.

    An instance norm, for one, takes no map of a single voxel.

    Args:
        recipe: the recipe of the bundle.

    Raises:
        ValueError: as :func:`build_network`, if the network takes no such image, or if it gives another number of
            channels than the classes need.
    """
    network, settings = build_network(recipe), recipe.settings
    reason = ""
    for doubling in range(MOST_DOUBLINGS):
        side = settings.network.divisor * 2**doubling
        image = torch.zeros(1, len(recipe.found.channels), *[side] * settings.spatial_dims)
        try:
            with torch.no_grad():
                output = network(image)
        except Exception as error:
            reason = sentence(error).rstrip(".")
            continue
        expected = (1, recipe.outputs, *image.shape[2:])
        found = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        if found != expected:
            raise ValueError(
                f"network.target '{settings.network.target}' of the plan makes {found} of an image of "
                f"{tuple(image.shape)}: expected a tensor of {expected}, so correct network.arguments."
            )
        return side
    raise ValueError(
        f"network.target '{settings.network.target}' of the plan takes no image of {side} voxels a side ({reason}): "
        "correct network.divisor or network.arguments."
    )
