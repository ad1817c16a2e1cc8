from __future__ import annotations

import pytest
import torch

from monai_nlseg.networks.blocks import EfficientChannelAttention


def explicit(block: EfficientChannelAttention, x: torch.Tensor) -> torch.Tensor:
    """Each channel by itself: a weighted sum over its neighbours' pooled values, zeros beyond the first and last."""

    def along(pooled, weight):
        half = len(weight) // 2
        padded = torch.cat([pooled.new_zeros(half), pooled, pooled.new_zeros(half)])
        return torch.stack([(padded[c : c + len(weight)] * weight).sum() for c in range(len(pooled))])

    out = torch.empty_like(x)
    for sample, image in enumerate(x):
        if block.variant == "released":
            response = along(torch.stack([c.max() for c in image]), block.conv.weight[0, 0])
        else:
            response = along(torch.stack([c.mean() for c in image]), block.conv[0].weight[0, 0])
            response = along(response.clamp(min=0), block.conv[2].weight[0, 0])
        for channel, value in enumerate(response):
            out[sample, channel] = image[channel] / (1 + (-value).exp())
    return out


@pytest.mark.parametrize("variant", ["released", "paper"])
@pytest.mark.parametrize(
    ("kernel_size", "shape"), [(3, (2, 8, 6, 5)), (3, (1, 1, 1, 1)), (5, (2, 3, 4, 3, 2)), (1, (1, 6, 2, 7, 1))]
)
@pytest.mark.parametrize("train", [True, False])
def test_shape_and_definition(variant, kernel_size, shape, train):
    torch.manual_seed(0)
    block = EfficientChannelAttention(len(shape) - 2, kernel_size, variant).train(train)
    x = torch.randn(shape)
    result = block(x)
    assert result.shape == x.shape
    torch.testing.assert_close(result, explicit(block, x))


@pytest.mark.parametrize(("variant", "parameters"), [("released", 3), ("paper", 6)])
def test_parameters(variant, parameters):
    block = EfficientChannelAttention(2, variant=variant)
    assert sum(p.numel() for p in block.parameters()) == parameters
    for parameter in block.parameters():
        parameter.data.fill_(0.5)
    block(torch.rand(2, 8, 4, 4)).square().sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in block.parameters())
