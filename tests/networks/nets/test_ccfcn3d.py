from __future__ import annotations

import pytest
import torch

from monai_nlseg.networks.nets import CCFCN3D

SMALL = {"features": ((4, 4), (8, 8)), "decoder_channels": 4}
CASES = [
    [{}, (1, 2, 8, 16, 8), (1, 4, 8, 16, 8)],
    [{**SMALL, "in_channels": 1, "out_channels": 2}, (2, 1, 8, 12, 4), (2, 2, 8, 12, 4)],
    [{**SMALL, "spatial_dims": 2}, (2, 2, 20, 12), (2, 4, 20, 12)],
]


@pytest.mark.parametrize(("kwargs", "input_shape", "expected_shape"), CASES)
@pytest.mark.parametrize("train", [True, False])
def test_shape(kwargs, input_shape, expected_shape, train):
    assert CCFCN3D(**kwargs).train(train)(torch.randn(input_shape)).shape == expected_shape


def test_published_count():
    assert sum(parameter.numel() for parameter in CCFCN3D().parameters()) == 2_534_276


def test_gradient_reaches_every_parameter():
    net = CCFCN3D(**SMALL)
    net(torch.randn(1, 2, 8, 8, 8)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_torchscript_and_export():
    net = CCFCN3D(**SMALL).eval()
    x = torch.randn(2, 2, 8, 8, 8)
    torch.testing.assert_close(torch.jit.script(net)(x), net(x))
    program = torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.testing.assert_close(program.module()(x[:1].repeat(3, 1, 1, 1, 1)), net(x[:1].repeat(3, 1, 1, 1, 1)))


@pytest.mark.parametrize(
    ("kwargs", "words"), [({"spatial_dims": 4}, "spatial_dims 4"), ({"features": ((4,), ())}, "empty group")]
)
def test_refuses_arguments(kwargs, words):
    with pytest.raises(ValueError, match=words):
        CCFCN3D(**kwargs)


def test_refuses_inputs():
    with pytest.raises(ValueError, match=r"\[8, 8, 12\] is not divisible by 8: pad to \[8, 8, 16\]"):
        CCFCN3D()(torch.zeros(1, 2, 8, 8, 12))
