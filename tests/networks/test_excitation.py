"""Squeeze-and-excitation as one operation against MONAI's."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn as nn
from monai.networks.blocks import ChannelSELayer, ResidualSELayer
from monai.networks.nets import EfficientNetBN
from torch._subclasses.fake_tensor import FakeTensorMode

from monai_nlseg.networks import optimize, optimize_for_inference
from monai_nlseg.networks.excitation import SqueezeExcitation, has_excitations, replace_excitations

MEMORY = {2: torch.channels_last, 3: torch.channels_last_3d}


def layer(kind: type[nn.Module] = ChannelSELayer, dims: int = 2, channels: int = 12, act="memswish") -> nn.Module:
    return kind(dims, channels, r=4, acti_type_1=act, acti_type_2="sigmoid").eval().requires_grad_(False)


def images(dims: int, channels: int, *sizes: int, batch: int = 2) -> torch.Tensor:
    return (3 * torch.randn(batch, channels, *sizes) + 1).contiguous(memory_format=MEMORY[dims])


def replaced(module: nn.Module) -> SqueezeExcitation:
    holder = nn.ModuleList([copy.deepcopy(module)])
    assert has_excitations(holder)
    [found] = replace_excitations(holder)
    assert isinstance(found, SqueezeExcitation) and not has_excitations(holder)
    return found


@pytest.mark.parametrize("act", ["memswish", "swish", ("swish", {"alpha": 1.0})])
@pytest.mark.parametrize("kind", [ChannelSELayer, ResidualSELayer])
@pytest.mark.parametrize("sizes", [(1, 1), (3, 5), (40, 41), (7, 9, 11)])
def test_equals_monai(kind, sizes, act):
    module = layer(kind, len(sizes), act=act)
    x = images(len(sizes), 12, *sizes)
    expected, fused = module(x), replaced(module)
    torch.testing.assert_close(fused(x.clone(memory_format=torch.contiguous_format)), expected)
    before = x.clone()
    torch.testing.assert_close(fused(x), expected)
    assert torch.equal(x, before)  # others may need it
    fused.inplace = True
    result = fused(x)
    torch.testing.assert_close(result, expected)
    assert result is x


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", ["image", "weight"])
def test_values_that_are_not_finite_give_what_monai_gives(value, where):
    module = layer()
    x = images(2, 12, 20, 20)
    if where == "image":
        x[1, 3, 4, 5] = value
    else:
        module.fc[0].weight[2, 5] = value
    torch.testing.assert_close(replaced(module)(x.clone()), module(x), equal_nan=True)


def test_same_result_with_any_number_of_threads():
    fused, x = replaced(layer()), images(2, 12, 50, 50)
    threads = torch.get_num_threads()
    try:
        results = []
        for count in (1, 3):
            torch.set_num_threads(count)
            results.append(fused(x.clone(memory_format=torch.preserve_format)))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*results)


def test_where_the_kernel_does_not_serve():
    module = layer()
    fused, x = replaced(module), images(2, 12, 6, 7)
    expected, before = module(x), x.clone()
    given = x.clone().requires_grad_()
    fused(given).sum().backward()
    other = x.clone().requires_grad_()
    module(other).sum().backward()
    torch.testing.assert_close(given.grad, other.grad)
    torch.testing.assert_close(torch.jit.trace(fused, x)(x), expected)
    torch.testing.assert_close(torch.compile(fused, backend="aot_eager")(x), expected)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(fused(x.bfloat16()).float(), expected, atol=0.1, rtol=0.05)
    torch.testing.assert_close(copy.deepcopy(fused).double()(x.double()).float(), expected)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert fused(mode.from_tensor(x)).shape == expected.shape
    assert fused(x[:0]).shape == x[:0].shape
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    "change",
    [
        lambda module: module.fc.__setitem__(1, nn.ReLU()),
        lambda module: module.fc.__setitem__(3, nn.Hardsigmoid()),
        lambda module: module.fc[0].register_forward_hook(lambda *_: None),
        lambda module: module.register_forward_hook(lambda *_: None),
        lambda module: nn.utils.parametrizations.weight_norm(module.fc[2]),
    ],
)
def test_what_is_something_else_stays(change):
    holder = nn.ModuleList([layer()])
    change(holder[0])
    assert not has_excitations(holder)
    [kept] = replace_excitations(holder)
    assert isinstance(kept, ChannelSELayer)


def test_other_layers_are_refused():
    with pytest.raises(TypeError, match="Conv2d is no linear layer with a bias, nor a convolution of one voxel"):
        SqueezeExcitation(nn.Conv2d(4, 2, 3), nn.Linear(2, 4), residual=False)


def test_images_that_do_not_fit_have_pytorchs_message():
    fused = replaced(layer())
    for channels in (4, 16):
        with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
            fused(images(2, channels, 5, 5))


def test_views_and_transforms_of_functions():
    module = layer()
    fused, x = replaced(module), images(2, 12, 6, 7)
    torch.testing.assert_close(fused(torch._neg_view(x)), module(-x))
    torch.testing.assert_close(torch.vmap(fused)(x[None])[0], module(x))
    value, derivative = torch.func.jvp(fused, (x,), (torch.ones_like(x),))
    expected = torch.func.jvp(module, (x,), (torch.ones_like(x),))
    torch.testing.assert_close((value, derivative), expected)


def test_efficientnet():
    network = EfficientNetBN("efficientnet-b0", pretrained=False, num_classes=5).eval().requires_grad_(False)
    x = torch.randn(1, 3, 64, 64)
    expected = network(x)
    fused = optimize_for_inference(network)
    assert sum(isinstance(module, SqueezeExcitation) for module in fused.modules()) == 16
    with torch.inference_mode():
        torch.testing.assert_close(fused(x), expected, atol=1e-4, rtol=1e-4)


def test_without_a_compiler(monkeypatch, caplog):
    def missing() -> None:
        raise RuntimeError("the excitation kernel needs a C++ compiler.")

    monkeypatch.setattr(optimize, "load_excitation_kernel", missing)
    network = optimize_for_inference(nn.ModuleList([layer()]))
    assert isinstance(network[0], ChannelSELayer)
    assert "squeeze-and-excitation runs through PyTorch, which is slower: the excitation kernel needs" in caplog.text
