from __future__ import annotations

import pytest
import torch
import torch.nn as nn

from monai_nlseg.networks.footprint import forward_footprint, weights_bytes
from monai_nlseg.networks.nets import CCFCN3D, NonLocalUNet


def test_flops_of_a_convolution():
    network = nn.Conv3d(3, 5, 3, padding=1)
    assert forward_footprint(network, (2, 3, 4, 5, 6)).flops == 2 * 2 * (4 * 5 * 6) * 27 * 3 * 5


def test_published_flops():
    assert forward_footprint(NonLocalUNet.paper().eval(), (1, 2, 32, 32, 32)).flops == pytest.approx(30.7e9, rel=2e-3)


def test_peak_is_of_what_is_held_at_a_time():
    """Input, and of the ten outputs two at a time."""
    network = nn.Sequential(*[nn.Conv2d(4, 4, 1, bias=False) for _ in range(10)])
    plane = 4 * 16 * 16 * 4
    footprint = forward_footprint(network, (1, 4, 16, 16))
    assert 2 * plane <= footprint.peak_bytes <= 3 * plane
    assert footprint.outputs == ((1, 4, 16, 16),)


def test_views_and_operations_in_place_hold_nothing():
    def forward(x):
        y = x * 2
        return y.add_(1).transpose(1, 2)[:, :3]

    assert forward_footprint(forward, (1, 8, 8, 8)).peak_bytes == 2 * 8**3 * 4


def test_several_outputs():
    footprint = forward_footprint(lambda x: (x + 1, [x[:, :1] * 2]), (2, 3, 4, 4))
    assert footprint.outputs == ((2, 3, 4, 4), (2, 1, 4, 4))


def test_grows_with_the_batch():
    one, two, three = (forward_footprint(CCFCN3D().eval(), (count, 2, 16, 16, 16)).peak_bytes for count in (1, 2, 3))
    assert three - two == two - one > 0


def test_weights():
    network = nn.BatchNorm1d(10)
    assert weights_bytes(network) == 4 * 10 * 4 + 8


def test_nothing_is_changed():
    network = NonLocalUNet.paper().train()
    statistics = network.norm_act.norm.running_mean.clone()
    forward_footprint(network, (2, 2, 8, 8, 8))
    assert torch.equal(network.norm_act.norm.running_mean, statistics)
    assert not torch._subclasses.fake_tensor.fake_tensor_tls.allow_non_fake_inputs_override
