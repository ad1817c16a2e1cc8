"""Replace modules by others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch.nn as nn
from torch.nn.utils.parametrize import is_parametrized

Old = TypeVar("Old", bound=nn.Module)


def replace_modules(network: nn.Module, old: type[Old], make: Callable[[Old], nn.Module]) -> nn.Module:
    """Put ``make(module)`` in the place of every module of type ``old`` within ``network``, in place.

    MONAI's ``replace_modules`` goes by name.

    Args:
        network: the network that is changed.
        old: type of the modules that are replaced.
        make: returns the new module for an old one.

    Returns:
        The same network.
    """
    for parent in list(network.modules()):
        # All places of a module that is in several: named_children names it once.
        for name, child in list(parent._modules.items()):
            if isinstance(child, old):
                setattr(parent, name, make(child))
    return network


def is_altered(module: nn.Module) -> bool:
    """Return whether hooks, parametrisations or older weight norms have a part in a module's result."""
    return bool(module._forward_hooks or module._forward_pre_hooks) or is_parametrized(module)
