"""The numbers that the network computes with."""

from __future__ import annotations

import torch.nn as nn

from monai_nlseg.training.planning.choice import Choice
from monai_nlseg.training.planning.processor import Processor

DEPTHWISE = 0.5
"""Share of depthwise convolutions above which bfloat16 is not sure to gain anything on a processor. Steps of LAEDNet-S
on two pictures of 320 x 320 pixels, in turns on a busy AMD EPYC with AVX512-BF16, took 2.4 s of processor time in
float32 and 2.2 s in bfloat16 at least; of the Non-local U-Net in 3D on a window of 48 cubed, 1.9 s and 1.1 s."""


def choose_precision(machine: Processor, network: nn.Module) -> Choice[str]:
    """Choose the numbers that the network computes with.

    Args:
        machine: what this machine can do.
        network: the network.
    """
    name = machine.name or "This processor"
    if not machine.bfloat16:
        return Choice("float32", f"{name} has no hardware for bfloat16.")
    if not machine.gpu and (share := depthwise_share(network)) > DEPTHWISE:
        return Choice(
            "float32",
            f"{share:.0%} of the network's convolutions are depthwise, for which bfloat16 was not found to be faster "
            "on processors.",
        )
    return Choice("bfloat16", f"{name} multiplies it in hardware ({machine.bfloat16}).")


def depthwise_share(network: nn.Module) -> float:
    """Return the share of depthwise convolutions among those that look beyond a voxel.

    Args:
        network: the network.
    """
    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    wide = [each for each in network.modules() if isinstance(each, kinds) and max(each.kernel_size) > 1]
    return sum(1 < each.groups == each.in_channels for each in wide) / max(len(wide), 1)
