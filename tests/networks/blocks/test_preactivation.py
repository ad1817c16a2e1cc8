from __future__ import annotations

import pytest
import torch

from monai_nlseg.networks.blocks import AggregationResidualBlock, PreactivationResidualBlock

CASES = [
    [PreactivationResidualBlock, {"in_channels": 4, "out_channels": 4}, (2, 4, 5, 6, 7), (2, 4, 5, 6, 7)],
    [PreactivationResidualBlock, {"in_channels": 4, "out_channels": 8, "stride": 2}, (2, 4, 5, 6, 8), (2, 8, 3, 3, 4)],
    [
        PreactivationResidualBlock,
        {"in_channels": 4, "out_channels": 4, "projection": False},
        (1, 4, 4, 4, 4),
        (1, 4, 4, 4, 4),
    ],
    [
        PreactivationResidualBlock,
        {"in_channels": 4, "out_channels": 8, "stride": 2, "short_residual": False},
        (1, 4, 4, 4, 4),
        (1, 8, 2, 2, 2),
    ],
    [AggregationResidualBlock, {"in_channels": 4, "out_channels": 4}, (1, 4, 3, 4, 5), (1, 4, 3, 4, 5)],
    [
        AggregationResidualBlock,
        {"in_channels": 4, "out_channels": 2, "upsample": True},
        (1, 4, 3, 4, 5),
        (1, 2, 6, 8, 10),
    ],
    [
        AggregationResidualBlock,
        {"in_channels": 4, "out_channels": 2, "short_residual": False},
        (1, 4, 3, 3, 3),
        (1, 2, 3, 3, 3),
    ],
]


@pytest.mark.parametrize(("block", "kwargs", "input_shape", "expected_shape"), CASES)
@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_shape_and_gradients(block, kwargs, input_shape, expected_shape, spatial_dims):
    keep = 2 + spatial_dims
    net = block(spatial_dims, **kwargs)
    out = net(torch.randn(input_shape[:keep]))
    assert out.shape == expected_shape[:keep]
    out.square().sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_identity_shortcut_adds_the_raw_input_and_the_projection_the_activated():
    x = torch.randn(2, 4, 6, 6)
    identity = PreactivationResidualBlock(2, 4, 4, projection=False).eval()
    without = PreactivationResidualBlock(2, 4, 4, short_residual=False).eval()
    without.load_state_dict(identity.state_dict())
    torch.testing.assert_close(identity(x) - without(x), x, rtol=1e-4, atol=1e-5)

    projected = PreactivationResidualBlock(2, 4, 4).eval()
    without.load_state_dict({k: v for k, v in projected.state_dict().items() if not k.startswith("projection")})
    shortcut = projected.projection(projected.norm_act1(x))
    torch.testing.assert_close(projected(x) - without(x), shortcut, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: PreactivationResidualBlock(3, 4, 8, projection=False), "set projection=True"),
        (lambda: PreactivationResidualBlock(3, 4, 4, stride=2, projection=False), "set projection=True"),
        (lambda: AggregationResidualBlock(3, 4, 8), "equal channels"),
    ],
)
def test_refuses(make, words):
    with pytest.raises(ValueError, match=words):
        make()
