from __future__ import annotations

import copy
import io

import pytest
import torch
import torch.nn as nn
from monai.networks.layers.factories import Conv

from monai_nlseg.networks import optimize_for_inference
from monai_nlseg.networks.blocks import GlobalAggregation
from monai_nlseg.networks.nets import NonLocalUNet


class Pooled(nn.Module):
    """The mean of the input everywhere."""

    def __init__(self, spatial_dims, in_channels, out_channels, query, num_heads, dropout, gain: float = 1.0):
        super().__init__()
        self.factor = 2 if query == "up" else 1
        self.gain, self.seen = gain, (query, num_heads, dropout)
        self.project = Conv[Conv.CONV, spatial_dims](in_channels, out_channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = self.gain * x.mean(dim=(2, 3), keepdim=True)
        return self.project(mean).expand(-1, -1, x.shape[2] * self.factor, x.shape[3] * self.factor)


class NotDoubled(Pooled):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.factor = 1


class Attending(GlobalAggregation):
    pass


def network(**arguments) -> NonLocalUNet:
    torch.manual_seed(0)
    return NonLocalUNet(spatial_dims=2, in_channels=1, out_channels=2, features=4, **arguments)


def test_the_default_is_the_packages_block_with_the_same_weights_and_names():
    assert network().state_dict().keys() == network(aggregation=GlobalAggregation).state_dict().keys()
    named = network(aggregation="monai_nlseg.networks.blocks.GlobalAggregation")
    for ours, given in zip(network().parameters(), named.parameters()):
        torch.testing.assert_close(ours, given, rtol=0, atol=0)


def test_a_block_stands_where_there_is_attention_and_gets_the_arguments():
    net = network(aggregation=Pooled, upsample_attention=(True, False), num_heads=4, attention_dropout=0.25)
    own = {name: module.seen for name, module in net.named_modules() if isinstance(module, Pooled)}
    assert own == {"bottom.aggregation": ("same", 4, 0.25), "upsample.0.aggregation": ("up", 1, 0.25)}
    assert net(torch.zeros(2, 1, 16, 24)).shape == (2, 2, 16, 24)


@pytest.mark.parametrize("given", [f"{__name__}.Pooled", Pooled])
def test_a_path_and_further_arguments(given):
    assert isinstance(network(aggregation=given).bottom.aggregation, Pooled)
    assert network(aggregation=[given, {"gain": 3.0}]).bottom.aggregation.gain == 3.0


@pytest.mark.parametrize("block", [Pooled, Attending])
def test_optimised_it_computes_the_same(block):
    net = network(aggregation=block, norm=("instance", {"affine": True})).eval()
    x = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = net(x)
        fast = optimize_for_inference(copy.deepcopy(net))
        torch.testing.assert_close(fast(x), expected, rtol=1e-4, atol=1e-4)


def test_it_exports():
    net = network(aggregation=Pooled).eval()
    x = torch.randn(1, 1, 16, 16)
    stored = io.BytesIO()
    torch.export.save(torch.export.export(net, (x,)), stored)
    stored.seek(0)
    with torch.no_grad():
        torch.testing.assert_close(torch.export.load(stored).module()(x), net(x))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nowhere.Block", "'nowhere.Block' cannot be imported .*PYTHONPATH"),
        ("Block", "cannot be imported"),
        (f"{__name__}.Blok", "has no class 'Blok'"),
        (nn.Identity().forward, "does not take the arguments"),
        ([Pooled, {"loudness": 2}], r"Pooled does not take the arguments .*loudness=2"),
        (lambda *args, **kwargs: 7, "gives a int: give a torch.nn.Module"),
        (NotDoubled, r"query='up' turns \[1, 16, 8, 8\] into \[1, 8, 8, 8\]: expected \[1, 8, 16, 16\]"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(given, said):
    with pytest.raises(ValueError, match=said):
        network(aggregation=given)


def test_a_block_that_refuses_the_size_of_the_trial_is_not_refused():
    class Fixed(Pooled):
        def forward(self, x):
            if x.shape[2] == 8 and self.factor == 1:
                raise RuntimeError("this block is for 16 x 16 pictures")
            return super().forward(x)

    assert network(aggregation=Fixed)(torch.zeros(1, 1, 16, 16)).shape == (1, 2, 16, 16)
