"""Instance norm and the activation behind it as one operation that keeps channels-last memory."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TypeGuard

import torch
import torch.nn as nn

from monai_nlseg.networks.kernels import compiled_instance_norm
from monai_nlseg.networks.replace import is_altered, is_plain_sequential

InstanceNorm = nn.InstanceNorm2d | nn.InstanceNorm3d


class ClampedInstanceNorm(nn.Module):
    """Instance norm, then a clamp, by :func:`monai_nlseg.networks.kernels.compiled_instance_norm`.

    The weights are those of the norm that it replaces, under the same names, and can be trained.

    Args:
        norm: the norm, of 2D or 3D images.
        low: lower bound of the result.
        high: upper bound of the result.

    Shapes: as the norm's.
    """

    def __init__(self, norm: InstanceNorm, low: float = -math.inf, high: float = math.inf) -> None:
        super().__init__()
        self.weight: nn.Parameter | None = norm.weight
        self.bias: nn.Parameter | None = norm.bias
        self.axes = 4 if isinstance(norm, nn.InstanceNorm2d) else 5  # of a batch
        self.eps, self.low, self.high = norm.eps, low, high

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dim() < self.axes:  # an image without a batch
            return self.forward(x[None])[0]
        return compiled_instance_norm(x, self.weight, self.bias, self.eps, self.low, self.high)

    def extra_repr(self) -> str:
        return f"eps={self.eps}, low={self.low}, high={self.high}"


def clamp_instance_norms(network: nn.Module) -> nn.Module:
    """Put a :class:`ClampedInstanceNorm` in the place of each instance norm of 2D or 3D images, in place.

    It takes over a ReLU, ReLU6 or Hardtanh that follows in a :class:`torch.nn.Sequential`, such as the package's
    ``NormAct`` and MONAI's ``ADN``; an Identity stands there afterwards. Norms with running statistics, a hook or a
    forward of their own stay. Names in the state dict stay. A ``Sequential`` is taken to be called as a whole.
    """
    for parent in list(network.modules()):
        if is_plain_sequential(parent):
            for name, after in pairwise(parent._modules):
                norm, bounds = parent._modules[name], _bounds(parent._modules[after])
                if bounds is not None and _is_plain(norm):
                    setattr(parent, name, ClampedInstanceNorm(norm, *bounds))
                    setattr(parent, after, nn.Identity())
        for name, child in list(parent._modules.items()):
            if _is_plain(child):
                setattr(parent, name, ClampedInstanceNorm(child))
    return network


def has_instance_norms(network: nn.Module) -> bool:
    """Return whether :func:`clamp_instance_norms` would change a network."""
    return any(map(_is_plain, network.modules()))


def _is_plain(norm: nn.Module | None) -> TypeGuard[InstanceNorm]:
    if not isinstance(norm, InstanceNorm) or norm.track_running_stats or is_altered(norm):
        return False
    return type(norm) in (nn.InstanceNorm2d, nn.InstanceNorm3d)


def _bounds(act: nn.Module | None) -> tuple[float, float] | None:
    """Return the bounds of an activation that is a clamp and nothing else."""
    if type(act) not in (nn.ReLU, nn.ReLU6, nn.Hardtanh) or act is None or is_altered(act):
        return None
    return (act.min_val, act.max_val) if isinstance(act, nn.Hardtanh) else (0.0, math.inf)
