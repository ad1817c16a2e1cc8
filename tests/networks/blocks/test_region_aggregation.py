from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from monai_nlseg.networks.blocks import RegionAwarePyramidAggregation

CASES = [
    [{"spatial_dims": 2, "in_channels": 64}, (2, 64, 16, 16)],
    [{"spatial_dims": 2, "in_channels": 32, "regions": (1, 2)}, (1, 32, 5, 9)],
    [{"spatial_dims": 2, "in_channels": 32, "regions": (11,)}, (2, 32, 3, 2)],
    [{"spatial_dims": 3, "in_channels": 32}, (2, 32, 4, 5, 6)],
    [{"spatial_dims": 3, "in_channels": 64, "regions": (2, 3)}, (1, 64, 1, 7, 2)],
]


def explicit(block: RegionAwarePyramidAggregation, x: torch.Tensor, variant: str) -> torch.Tensor:
    """The equations position by position, q and k of the enlarged regions."""
    size, mode = x.shape[2:], "bilinear" if x.dim() == 4 else "trilinear"
    value = block.value(x).flatten(2)
    aggregated = []
    for region in block.regions:
        mean = region[0](x)
        projected = region[1](mean) if variant == "released" else region[1](mean).relu()
        enlarged = F.interpolate(projected, size=size, mode=mode, align_corners=True)
        embed = block.query_key if variant == "released" else region[3]
        query, key = embed(enlarged).flatten(2).chunk(2, 1)
        out = torch.empty_like(value)
        for n in range(query.shape[2]):
            weights = torch.einsum("bc,bcm->bm", query[:, :, n], key).softmax(-1)
            out[:, :, n] = torch.einsum("bm,bcm->bc", weights, value)
        aggregated.append(out.unflatten(2, size))
    if variant == "released":
        return block.gamma * block.fusion(torch.cat(aggregated, 1)) + x
    return block.fusion(torch.cat([x, *aggregated], 1))


def build(variant, **kwargs) -> RegionAwarePyramidAggregation:
    torch.manual_seed(0)
    block = RegionAwarePyramidAggregation(**kwargs, variant=variant).double()
    # Logits large enough that another scale, or queries and keys exchanged, would be seen.
    for layer in [block.query_key] if variant == "released" else [region[3] for region in block.regions]:
        layer.weight.data.mul_(8)
    if variant == "released":
        block.gamma.data.fill_(0.7)
    return block


@pytest.mark.parametrize(("kwargs", "shape"), CASES)
@pytest.mark.parametrize("variant", ["released", "paper"])
@pytest.mark.parametrize("train", [True, False])
def test_shape_and_definition(kwargs, shape, variant, train):
    block = build(variant, **kwargs).train(train)
    x = torch.randn(shape, dtype=torch.double)
    with torch.no_grad():
        result = block(x)
        assert result.shape == shape
        torch.testing.assert_close(result, explicit(block, x, variant))


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["released", "paper"]),
    st.lists(st.integers(1, 6), min_size=2, max_size=3),
    st.lists(st.integers(1, 8), min_size=1, max_size=3),
)
def test_equals_the_definition_in_channels_last(variant, size, regions):
    block = build(variant, spatial_dims=len(size), in_channels=32, regions=regions).eval()
    memory_format = {2: torch.channels_last, 3: torch.channels_last_3d}[len(size)]
    x = torch.randn(2, 32, *size, dtype=torch.double).contiguous(memory_format=memory_format)
    with torch.no_grad():
        torch.testing.assert_close(block(x), explicit(block, x, variant))


@pytest.mark.parametrize("shape", [(2, 64, 16, 16), (1, 64, 3, 4, 5)])
def test_released_starts_as_the_identity(shape):
    x = torch.randn(shape)
    assert torch.equal(RegionAwarePyramidAggregation(len(shape) - 2, 64)(x), x)


def test_parameters():
    # The published code's: three projections, one value, query and key, conv3 with batch norm, gamma.
    released = RegionAwarePyramidAggregation(2, 512)
    assert sum(p.numel() for p in released.parameters()) == 2_037_281
    paper = RegionAwarePyramidAggregation(2, 512, variant="paper")
    projections, embeddings = 4 * (512 * 128 + 128), 6 * (128 * 128 + 128)
    assert sum(p.numel() for p in paper.parameters()) == projections + embeddings + 9 * 896 * 512 + 2 * 512


def test_at_the_identity_only_gamma_learns():
    block = RegionAwarePyramidAggregation(2, 32)
    block(torch.randn(2, 32, 4, 5)).square().sum().backward()
    assert {n for n, p in block.named_parameters() if p.grad.abs().max() > 0} == {"gamma"}


def test_operands_reach_the_kernel_contiguous_and_of_one_width(monkeypatch):
    seen = []
    kernel = F.scaled_dot_product_attention

    def record(*operands, **kwargs):
        seen.extend(operands)
        return kernel(*operands, **kwargs)

    monkeypatch.setattr(F, "scaled_dot_product_attention", record)
    RegionAwarePyramidAggregation(2, 64)(torch.randn(2, 64, 5, 6))
    assert [tuple(tensor.shape) for tensor in seen] == [(2, 3, 30, 16)] * 3
    assert all(tensor.is_contiguous() for tensor in seen)
