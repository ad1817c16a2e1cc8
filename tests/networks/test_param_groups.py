from __future__ import annotations

import torch

from monai_nlseg.networks import kernel_decay_groups


def test_adam_adds_the_decay_to_the_gradient_of_kernels_only():
    layer = torch.nn.Conv2d(1, 1, 1)
    layer.weight.data.fill_(2.0)
    layer.bias.data.fill_(2.0)
    optimizer = torch.optim.Adam(kernel_decay_groups(layer, 0.1), lr=1e-3)
    (layer.weight * 0 + layer.bias.reshape(1, 1, 1, 1) * 0).sum().backward()
    optimizer.step()
    # A zero gradient leaves the bias; the kernel sees 0.1 * 2 and takes Adam's first step of lr against it.
    assert layer.bias.item() == 2.0
    assert abs(layer.weight.item() - (2.0 - 1e-3)) < 1e-6


def test_frozen_parameters_are_left_out():
    layer = torch.nn.Conv2d(1, 1, 1)
    layer.weight.requires_grad_(False)
    kernels, rest = kernel_decay_groups(layer, 0.1)
    assert kernels["params"] == [] and rest["params"] == [layer.bias]
