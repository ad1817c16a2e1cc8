"""Building a network and trying it on tensors without content."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn as nn
from monai.networks import eval_mode
from torch._subclasses.fake_tensor import FakeTensorMode

from monai_nlseg.errors import message
from monai_nlseg.quiet import trials_unlogged

Trial = Callable[[nn.Module, int, Sequence[int]], "tuple[int, ...] | None"]
DIVISORS = (1, 2, 4, 8, 16, 32)


def class_of(path: str) -> Any:
    """Return the class, or the function that builds a network, at a dotted path.

    Args:
        path: such as "monai.networks.nets.SegResNet".

    Raises:
        ValueError: if its module cannot be imported, or has no such name.
    """
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except (ImportError, ValueError) as error:
        raise ValueError(
            f"the network {path!r} cannot be imported ({message(error)}): correct the path, or put the folder of its "
            "file into the environment variable PYTHONPATH."
        ) from None
    if not callable(found):
        raise ValueError(f"the module {module!r} has no class {name!r}: correct the path of the network.")
    return found


def build(target: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Build a network.

    Args:
        target: dotted path of its class.
        arguments: arguments of the class.

    Raises:
        ValueError: if the class refuses the arguments, or what it builds is no network.
    """
    try:
        network = class_of(target)(**arguments)
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(
            f"{target} cannot be built with {_shown(arguments)} ({message(error)}): correct them with "
            "--set network.arguments.NAME=VALUE."
        ) from None
    if not isinstance(network, nn.Module):
        raise ValueError(f"{target} gives a {type(network).__name__}: give the path of a torch.nn.Module.")
    return network


def find_divisor(network: nn.Module, channels: int, outputs: int, window: Sequence[int], name: str) -> int:
    """Find the number that each side of a network's input must be divisible by, by trial.

    Args:
        network: the network.
        channels: channels of the input.
        outputs: channels that the output must have.
        window: sides that 32 divides, or that the network demands.
        name: name of the network in messages.

    Raises:
        ValueError: if it takes no such window, or gives anything but one tensor of the window's size and the classes.
    """
    require_output(network, channels, outputs, window, name)
    trial = _without_content if _works(_without_content, network, channels, window) else _computed
    for divisor in DIVISORS:
        sides = [side + divisor for side in window]
        if _works(trial, network, channels, sides):
            return divisor
    return min(window)


def require_output(network: nn.Module, channels: int, outputs: int, window: Sequence[int], name: str) -> None:
    """Refuse a network that does not turn a window into a score for each class and voxel.

    Args:
        network: the network.
        channels: channels of the input.
        outputs: channels that the output must have.
        window: sides of the window.
        name: name of the network in messages.

    Raises:
        ValueError: if it takes no such window, or gives anything but one tensor of the window's size and the classes.
    """
    sides = " x ".join(map(str, window))
    try:
        shape = _output(network, channels, window)
    except Exception as error:
        raise ValueError(
            f"{name} does not take a window of {sides} with {channels} channels ({message(error)}): correct its "
            "arguments with --set network.arguments.NAME=VALUE, or the window with --set sampling.window=[...]."
        ) from None
    if shape is None:
        raise ValueError(f"{name} returns several outputs for a window: one tensor is needed, such as logits alone.")
    if shape != (1, outputs, *window):
        raise ValueError(
            f"{name} turns a window of {sides} into a tensor of {list(shape)}: expected {[1, outputs, *window]}, a "
            "score for each class and voxel. Correct its arguments with --set network.arguments.NAME=VALUE."
        )


def _output(network: nn.Module, channels: int, sides: Sequence[int]) -> tuple[int, ...] | None:
    """Return the shape of the output; None if there are several. Nothing is computed unless the network needs it."""
    try:
        return _without_content(network, channels, sides)
    except Exception:  # some networks look at values, which such tensors do not have
        return _computed(network, channels, sides)


def _works(trial: Trial, network: nn.Module, channels: int, sides: Sequence[int]) -> bool:
    try:
        shape = trial(network, channels, sides)
    except Exception:  # whatever a network raises for a size that it does not take
        return False
    return shape is not None and shape[2:] == tuple(sides)


def _without_content(network: nn.Module, channels: int, sides: Sequence[int]) -> tuple[int, ...] | None:
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    with eval_mode(network), torch.no_grad(), fake, trials_unlogged():
        return _shape(network(torch.empty(1, channels, *sides)))


def _computed(network: nn.Module, channels: int, sides: Sequence[int]) -> tuple[int, ...] | None:
    with eval_mode(network), torch.no_grad():
        return _shape(network(torch.zeros(1, channels, *sides)))


def _shape(output: Any) -> tuple[int, ...] | None:
    return tuple(output.shape) if isinstance(output, torch.Tensor) else None


def _shown(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())
