from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from monai_nlseg.networks.blocks import AdditiveFusion, DeformedNonLocalBlock, MultiscaleFeatureFusion, NonLocalBlock

CASES = [
    [(2, 16, 3, 4), (2, 8, 6, 8)],
    [(1, 16, 3, 5), (1, 8, 7, 9)],
    [(1, 16, 1, 1), (1, 8, 1, 1)],
    [(1, 16, 2, 3, 4), (1, 8, 4, 6, 8)],
]


def contexts(spatial_dims: int) -> list[torch.nn.Module | None]:
    return [None, DeformedNonLocalBlock(spatial_dims, 16), NonLocalBlock(spatial_dims, 16)]


@pytest.mark.parametrize(("high_shape", "low_shape"), CASES)
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("train", [True, False])
def test_shape_and_definition(high_shape, low_shape, which, train):
    torch.manual_seed(0)
    dims = len(low_shape) - 2
    context = contexts(dims)[which]
    fusion = MultiscaleFeatureFusion(dims, 16, 8, context).train(train)
    high, low = torch.randn(high_shape), torch.randn(low_shape)
    pooled = (high if context is None else context(high)).flatten(2).mean(2)
    vector = fusion.weigh((pooled / pooled.norm(dim=1, keepdim=True)).reshape(*high_shape[:2], *[1] * dims))
    # The other order than in the block: enlarged first, the 1x1 convolution behind.
    mode = "bilinear" if dims == 2 else "trilinear"
    up = fusion.add.project(F.interpolate(high, low_shape[2:], mode=mode, align_corners=False))
    out = fusion(high, low)
    assert out.shape == low_shape
    torch.testing.assert_close(out, vector * low + up, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dims", [2, 3])
def test_additive_is_multiscale_without_weights(dims):
    fusion = MultiscaleFeatureFusion(dims, 16, 8)
    high, low = torch.randn(1, 16, *[2] * dims), torch.randn(1, 8, *[4] * dims)
    torch.nn.init.zeros_(fusion.weigh.weight)
    torch.nn.init.ones_(fusion.weigh.bias)
    torch.testing.assert_close(fusion(high, low), fusion.add(high, low))
    assert sum(p.numel() for p in AdditiveFusion(dims, 16, 8).parameters()) == 16 * 8 + 8
    assert sum(p.numel() for p in fusion.parameters()) == 2 * (16 * 8 + 8)


def test_zeros_have_finite_values_and_gradients():
    fusion = MultiscaleFeatureFusion(2, 16, 8)
    high = torch.zeros(1, 16, 2, 2, requires_grad=True)
    out = fusion(high, torch.ones(1, 8, 4, 4))
    out.sum().backward()
    assert out.isfinite().all() and high.grad.isfinite().all()
    assert fusion.half()(high.half(), torch.ones(1, 8, 4, 4).half()).isfinite().all()
