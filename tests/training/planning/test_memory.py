from __future__ import annotations

import torch
import torch.nn as nn

from monai_nlseg.training.planning.memory import RUNTIME_BYTES, training_memory


def test_what_the_backward_pass_needs_is_counted():
    network = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.Sigmoid(), nn.Conv2d(8, 2, 1, bias=False))
    memory = training_memory(network, (1, 32, 32))
    # input, result of the sigmoid, and four times the output
    assert memory.each == 32 * 32 * 4 * (1 + 8 + 4 * 2)
    assert memory.fixed == RUNTIME_BYTES + 4 * 4 * (72 + 16)
    assert memory.of(3) == memory.fixed + 3 * memory.each


def test_nothing_is_computed_and_nothing_changes():
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items() if tensor.is_floating_point()}
    training_memory(network, (1, 4096, 4096), bfloat16=True)
    assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in before.items())
