from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from monai_nlseg.networks.blocks import ResidualSEPyramidPooling

CASES = [
    [{"spatial_dims": 2, "channels": 16}, (2, 16, 6, 5)],
    [{"spatial_dims": 2, "channels": 16, "arrangement": "parallel"}, (1, 16, 1, 1)],
    [{"spatial_dims": 3, "channels": 8, "reduction": 4}, (1, 8, 3, 4, 5)],
    [{"spatial_dims": 2, "channels": 8, "reduction": 8, "dilations": (2, 3)}, (1, 8, 9, 16)],
]


def explicit(block: ResidualSEPyramidPooling, x: torch.Tensor, dilations: tuple[int, ...]) -> torch.Tensor:
    convolve = F.conv2d if x.dim() == 4 else F.conv3d
    parts, unit = [x], x
    for dilation, (conv, excite), (project, _) in zip(dilations, block.units, block.branches):
        unit = convolve(unit if block.cascade else x, conv.weight, conv.bias, padding=dilation, dilation=dilation)
        first, second = excite.fc[0], excite.fc[2]
        gate = second(first(unit.flatten(2).mean(2)).relu()).sigmoid()
        unit = unit * gate.reshape(*gate.shape, *[1] * (x.dim() - 2))
        parts.append(project(unit).relu())
    return block.reduce(torch.cat(parts, 1))


@pytest.mark.parametrize(("kwargs", "shape"), CASES)
@pytest.mark.parametrize("train", [True, False])
def test_shape_and_definition(kwargs, shape, train):
    torch.manual_seed(0)
    block = ResidualSEPyramidPooling(**kwargs).train(train)
    x = torch.randn(shape)
    assert block(x).shape == shape
    expected = explicit(block, x, kwargs.get("dilations", (1, 6, 12, 12)))
    torch.testing.assert_close(block(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("channels", "parameters"), [(256, 2_985_280), (512, 11_934_336), (1024, 47_723_776)])
def test_golden_counts(channels, parameters):
    for arrangement in ("cascade", "parallel"):
        with torch.device("meta"):
            block = ResidualSEPyramidPooling(2, channels, arrangement=arrangement)
        assert sum(p.numel() for p in block.parameters()) == parameters
