"""Weights of another bundle to start a training from."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from monai_nlseg.bundle import Bundle
from monai_nlseg.bundle.find import find_bundle
from monai_nlseg.errors import listed
from monai_nlseg.training.generated.ensemble import read_weights

LEAST_SHARE = 0.5
"""Share of a network's parameters that must come from the other weights."""
MEMBER = "members.0."


def adapt_weights(source: str | Path, network: nn.Module) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Fit the weights of another network to a network of the same kind.

    Weights of the same name and shape are taken as they are. The first convolution, if it takes another number of
    channels, takes the mean of its kernels over them for each channel, scaled so that equal channels have the effect
    that they had before. What belongs to other classes keeps its random weights.

    Args:
        source: folder or name of a bundle, or a file of weights. Of several folds the first is taken.
        network: the network, with the random weights that it starts from. It stays as it is.

    Returns:
        The state dict of ``network``, and a sentence for each part that is not as in ``source``.

    Raises:
        ValueError: if there are no weights, they cannot be read, or less than half of the parameters fit.
    """
    file = Path(source) if Path(source).is_file() else Bundle(find_bundle(source)).weights
    if not file.is_file():
        raise ValueError(f"the bundle '{source}' has no weights in models/model.pt: train it, or start from another.")
    given = read_weights(file)
    if any(name.startswith(MEMBER) for name in given):
        given = {name.removeprefix(MEMBER): value for name, value in given.items() if name.startswith(MEMBER)}
    own = network.state_dict()
    first = _first_convolution(network)
    sentences, left, taken = [], [], 0
    adapted = {}
    for name, start in own.items():
        value = given.get(name)
        if value is not None and value.shape == start.shape:
            adapted[name] = value.to(start.dtype)
        elif value is not None and name == first and _other_inputs(value, start):
            adapted[name] = _for_channels(value, start.shape[1])
            sentences.append(
                f"The first convolution took {value.shape[1]} channels and takes {start.shape[1]} now: each has the "
                "mean of the former kernels."
            )
        else:
            adapted[name] = start.clone()
            left.append(name)
            continue
        taken += start.numel()
    total = sum(each.numel() for each in own.values())
    if taken < LEAST_SHARE * total:
        raise ValueError(
            f"{taken / total:.0%} of the network's weights fit those of '{source}': choose the network of that bundle, "
            "or start from another."
        )
    if left:
        sentences.append(f"These start from random weights, because their shapes or names differ: {listed(left)}.")
    return adapted, sentences


def _first_convolution(network: nn.Module) -> str:
    """Return the name of the weight of the first convolution, in the order in which the network defines them."""
    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    return next((f"{name}.weight" for name, each in network.named_modules() if isinstance(each, kinds)), "")


def _other_inputs(given: torch.Tensor, own: torch.Tensor) -> bool:
    return given.dim() == own.dim() and given.shape[0] == own.shape[0] and given.shape[2:] == own.shape[2:]


def _for_channels(kernel: torch.Tensor, channels: int) -> torch.Tensor:
    """Return a kernel (out, in, *window) for another number of channels, with the same effect on equal channels."""
    mean = kernel.mean(dim=1, keepdim=True)
    return mean.repeat(1, channels, *[1] * (kernel.dim() - 2)) * (kernel.shape[1] / channels)
