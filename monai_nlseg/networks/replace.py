"""Replace modules by others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
import torch.nn as nn
from torch._subclasses.fake_tensor import FakeTensor
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
    """Return whether hooks, parametrisations, older weight norms or a forward of its own decide a module's result."""
    own = {"forward", "_conv_forward"} & vars(module).keys()
    return bool(own or module._forward_hooks or module._forward_pre_hooks) or is_parametrized(module)


def is_plain_sequential(module: nn.Module) -> bool:
    """Return whether a module passes its image from child to child and does nothing else."""
    return type(module).forward is nn.Sequential.forward and "forward" not in vars(module)


def is_followed(x: torch.Tensor) -> bool:
    """Return whether something follows each operation on a tensor, and so must see PyTorch's own.

    A compiler, a trace, a pass whose cost is asked for, and the transforms of :mod:`torch.func` do.
    """
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or isinstance(x, FakeTensor):
        return True
    transformed = torch._C._functorch.peek_interpreter_stack() is not None
    return transformed or torch.autograd.forward_ad._current_level >= 0
