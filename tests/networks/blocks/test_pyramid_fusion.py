from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from monai_nlseg.networks.blocks import AdaptivePyramidFusion

CASES = [
    [{"spatial_dims": 2, "in_channels": (32, 64, 64)}, (2, 3), (2, 32, 8, 12)],
    [{"spatial_dims": 2, "in_channels": (4, 6), "out_channels": 5}, (3, 5), (2, 5, 6, 10)],
    [{"spatial_dims": 3, "in_channels": (4, 8, 12)}, (1, 2, 3), (2, 4, 4, 8, 12)],
    [{"spatial_dims": 3, "in_channels": (2, 3, 4, 5), "out_channels": 3}, (1, 1, 2), (2, 3, 8, 8, 16)],
]


def maps_for(in_channels, coarsest, dtype=torch.float32) -> list[torch.Tensor]:
    levels = len(in_channels)
    return [
        torch.randn(2, channels, *(s * 2 ** (levels - 1 - level) for s in coarsest), dtype=dtype)
        for level, channels in enumerate(in_channels)
    ]


def explicit_fusion(block: AdaptivePyramidFusion, maps: list[torch.Tensor], variant: str) -> torch.Tensor:
    """F by one 1x1 convolution of the concatenated maps at full size."""
    size = maps[0].shape[2:]
    convolve = F.conv2d if maps[0].dim() == 4 else F.conv3d
    enlarged, weights = [maps[0]], [block.parts[0].weight]
    for part, x in zip(list(block.parts)[1:], maps[1:]):
        if variant == "released":
            conv3, norm, act, conv1 = part
            x = F.interpolate(x, size=size, mode="nearest")
            x = act(norm(convolve(x, conv3.weight, padding=1)))
        else:
            conv1 = part[0]
            x = F.interpolate(x, size=size, mode="bilinear" if x.dim() == 4 else "trilinear", align_corners=True)
        enlarged.append(x)
        weights.append(conv1.weight)
    return convolve(torch.cat(enlarged, 1), torch.cat(weights, 1), block.parts[0].bias)


@pytest.mark.parametrize(("kwargs", "coarsest", "expected_shape"), CASES)
@pytest.mark.parametrize("variant", ["released", "paper"])
@pytest.mark.parametrize("train", [True, False])
def test_shape_and_definition(kwargs, coarsest, expected_shape, variant, train):
    torch.manual_seed(0)
    block = AdaptivePyramidFusion(**kwargs, variant=variant).double().train(train)
    maps = maps_for(kwargs["in_channels"], coarsest, torch.double)
    fused = explicit_fusion(block, maps, variant)
    gamma = 1.0
    if variant == "released":
        gamma = 0.6
        block.gamma.data.fill_(gamma)
    result = block(maps)
    assert result.shape == expected_shape
    torch.testing.assert_close(result, fused + gamma * block.attention(fused))


def test_released_starts_as_the_plain_fusion():
    torch.manual_seed(0)
    block = AdaptivePyramidFusion(2, (32, 64, 64)).eval()
    maps = maps_for((32, 64, 64), (4, 4))
    assert torch.equal(block(maps), block.fuse(maps))
    block.gamma.data.fill_(0.1)
    assert not torch.allclose(block(maps), block.fuse(maps))


def test_paper_weighs_from_the_start():
    block = AdaptivePyramidFusion(2, (32, 64, 64), variant="paper").eval()
    maps = maps_for((32, 64, 64), (4, 4))
    assert block.gamma is None and not torch.allclose(block(maps), block.fuse(maps))


# Released: two conv3 of 64 x 32, their batch norms, 1x1 of 96 x 32 with bias, 3 weights along channels, gamma.
@pytest.mark.parametrize(("variant", "parameters"), [("released", 40_100), ("paper", 160 * 32 + 32 + 6)])
def test_parameters(variant, parameters):
    block = AdaptivePyramidFusion(2, (32, 64, 64), variant=variant)
    assert sum(p.numel() for p in block.parameters()) == parameters


def test_starts_with_the_undivided_convolutions_weights():
    torch.manual_seed(0)
    block = AdaptivePyramidFusion(2, (32, 64, 64))
    for weight in (block.parts[0].weight, block.parts[1][3].weight, block.parts[2][3].weight):
        assert weight.abs().max() <= 96**-0.5
        assert float(weight.detach().std()) == pytest.approx((96 * 3) ** -0.5, rel=0.1)
    assert block.parts[0].bias.abs().max() <= 96**-0.5


def test_refuses_maps_that_do_not_fit():
    block = AdaptivePyramidFusion(2, (4, 6, 8))
    maps = maps_for((4, 6, 8), (2, 3))
    with pytest.raises(ValueError, match="2 maps were given, the block was built for 3"):
        block(maps[:2])
    with pytest.raises(ValueError, match=r"map 1 becomes \[6, 12\] up-sampled by 2, the finest map is \[8, 12\]"):
        block([maps[0], maps[1][:, :, :3], maps[2]])
