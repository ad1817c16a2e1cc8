"""Blocks of separable convolutions as single operations against MONAI's and LAEDNet's own."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
import torch.nn as nn
from monai.networks.nets.efficientnet import MBConvBlock
from torch._subclasses.fake_tensor import FakeTensorMode

from monai_nlseg.networks import mbconv, optimize, optimize_for_inference
from monai_nlseg.networks.blocks import LightweightResidualSE
from monai_nlseg.networks.mbconv import CompiledLRSE, CompiledMBConv
from monai_nlseg.networks.nets import LAEDNet


def trained(module: nn.Module) -> nn.Module:
    """Give batch norms statistics, and all weights values, with which each layer matters."""
    for each in module.modules():
        if isinstance(each, nn.BatchNorm2d | nn.BatchNorm3d):
            each.running_mean.normal_(0.0, 0.3)
            each.running_var.uniform_(0.3, 1.0)
            each.weight.data.uniform_(0.7, 1.5)
            each.bias.data.normal_()
    return module.eval().requires_grad_(False)


def mbconv_block(channels=16, out=16, kernel=3, stride=1, expand=6, size=32, dims=2) -> nn.Module:
    return trained(
        MBConvBlock(dims, channels, out, kernel, stride, [size] * dims, expand, 0.25, norm=("batch", {"eps": 1e-3}))
    )


def lrse_block(high=24, low=16, upsample=False, se="post", dims=2) -> nn.Module:
    return trained(LightweightResidualSE(dims, high, low, upsample, se))


def image(*shape: int) -> torch.Tensor:
    return torch.randn(shape).contiguous(memory_format=torch.channels_last)


def compiled(module: nn.Module) -> nn.Module:
    [found] = optimize_for_inference(nn.ModuleList([copy.deepcopy(module)]))
    assert isinstance(found, CompiledMBConv | CompiledLRSE)
    return found


@pytest.fixture
def calls(monkeypatch):
    """The images of each call of the kernel."""
    seen: list[object] = []
    original = mbconv.compiled_block
    monkeypatch.setattr(mbconv, "compiled_block", lambda *given: (seen.append(given), original(*given))[1])
    return seen


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("expand", [1, 6])
@pytest.mark.parametrize(("channels", "out"), [(16, 16), (7, 24), (48, 80), (20, 49)])
def test_mbconv_equals_monai(kernel, stride, expand, channels, out, calls):
    module = mbconv_block(channels, out, kernel, stride, expand)
    fast = compiled(module)
    for shape in ((2, 32, 32), (1, 3, 5), (1, 2, 6), (3, 70, 9)):
        x = image(shape[0], channels, *shape[1:])
        before = x.clone()
        result = fast(x)
        torch.testing.assert_close(result, module(x), atol=2e-5, rtol=1e-4)
        assert result.is_contiguous(memory_format=torch.channels_last) and torch.equal(x, before)
    assert len(calls) == 4


@pytest.mark.parametrize("upsample", [False, True])
@pytest.mark.parametrize("se", ["post", None])
@pytest.mark.parametrize(("high", "low"), [(24, 16), (50, 7), (3, 100), (96, 48), (1, 1)])
def test_lrse_equals_laednet(high, low, upsample, se, calls):
    if se and low < 4:
        pytest.skip("too few channels to squeeze")
    module = lrse_block(high, low, upsample, se)
    fast = compiled(module)
    for batch, height, width in ((2, 8, 6), (1, 2, 34)):
        deep = image(batch, high, *((height // 2, width // 2) if upsample else (height, width)))
        given = deep, image(batch, low, height, width)
        torch.testing.assert_close(fast(*given), module(*given), atol=2e-5, rtol=1e-4)
    assert len(calls) == 2


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30, -1e30])
@pytest.mark.parametrize("expand", [1, 6])
@pytest.mark.parametrize("channels", [16, 40])
def test_values_that_are_not_finite_give_what_monai_gives(value, expand, channels, calls):
    module = mbconv_block(channels, channels, expand=expand)
    x = image(2, channels, 12, 12)
    x[1, 3, 4, 5] = value
    result, expected = compiled(module)(x), module(x)
    torch.testing.assert_close(result[0], expected[0], atol=2e-5, rtol=1e-4)
    assert torch.equal(result[1].isfinite(), expected[1].isfinite())
    assert len(calls) == 1


def test_lrse_keeps_nan_where_it_is(calls):
    module = lrse_block(se=None)
    high, low = image(1, 24, 12, 12), image(1, 16, 12, 12)
    low[0, 3, 4, 5] = math.nan
    torch.testing.assert_close(compiled(module)(high, low), module(high, low), equal_nan=True, atol=2e-5, rtol=1e-4)
    assert len(calls) == 1


def test_weights_that_are_not_finite_are_left_to_the_block(calls):
    module = mbconv_block()
    module._depthwise_conv.weight[3, 0, 1, 1] = math.inf
    x = image(1, 16, 8, 8)
    torch.testing.assert_close(compiled(module)(x), module(x), equal_nan=True)
    assert not calls


def test_same_result_with_any_number_of_threads():
    fast, x = compiled(mbconv_block(40, 40)), image(2, 40, 70, 50)
    threads = torch.get_num_threads()
    try:
        results = []
        for count in (1, 3):
            torch.set_num_threads(count)
            results.append(fast(x))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*results)


def test_other_memory(calls):
    module = mbconv_block()
    fast, x = compiled(module), image(2, 16, 9, 8)
    expected = module(x)
    for given in (x.contiguous(), image(2, 16, 18, 8)[:, :, ::2].copy_(x), x.flip(3).flip(3)):
        torch.testing.assert_close(fast(given), expected, atol=2e-5, rtol=1e-4)
    assert len(calls) == 3
    torch.testing.assert_close(fast(torch._neg_view(x)), module(-x), atol=2e-5, rtol=1e-4)
    assert len(calls) == 3


def test_where_the_kernel_does_not_serve(calls):
    module = mbconv_block()
    fast, x = compiled(module), image(2, 16, 9, 8)
    expected = module(x)
    given, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    fast(given).sum().backward()
    module(other).sum().backward()
    torch.testing.assert_close(given.grad, other.grad, atol=1e-4, rtol=1e-4)
    close = {"atol": 2e-5, "rtol": 1e-4}
    torch.testing.assert_close(torch.jit.trace(fast, x, check_trace=False)(x), expected, **close)
    torch.testing.assert_close(torch.compile(fast, backend="aot_eager")(x), expected, **close)
    torch.testing.assert_close(torch.export.export(fast, (x,)).module()(x), expected, **close)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(fast(x).float(), expected, atol=0.3, rtol=0.1)
    torch.testing.assert_close(copy.deepcopy(fast).double()(x.double()).float(), expected, **close)
    torch.testing.assert_close(torch.vmap(fast)(x[None])[0], expected, **close)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert fast(mode.from_tensor(x)).shape == expected.shape
    assert fast(x[:0]).shape == x[:0].shape
    seen: list[object] = []
    hook = fast.block._depthwise_conv.register_forward_hook(lambda *_: seen.append(1))
    torch.testing.assert_close(fast(x), expected, **close)
    assert seen and not calls
    hook.remove()
    torch.testing.assert_close(fast(x), expected, **close)
    assert len(calls) == 1


def test_weights_that_change_are_packed_again():
    module = mbconv_block()
    fast, x = compiled(module), image(1, 16, 9, 8)
    fast(x)
    for changed in (module._project_conv.weight, module._se_reduce.bias):
        changed.mul_(2.0)
    fast.block._project_conv.weight.mul_(2.0)
    fast.block._project_conv_padding.squeeze_bias.mul_(2.0)
    # The norm behind the convolution was folded: its bias is not doubled, so take the folded block for comparison.
    torch.testing.assert_close(fast(x), fast.block(x), atol=2e-5, rtol=1e-4)


def test_copies():
    fast, x = compiled(mbconv_block()), image(1, 16, 9, 8)
    expected = fast(x)
    for other in (copy.deepcopy(fast), pickle.loads(pickle.dumps(fast))):
        assert torch.equal(other(x), expected)
        other.block._project_conv.weight.zero_()
        assert not torch.equal(other(x), expected)
        assert torch.equal(fast(x), expected)


def test_images_that_do_not_fit_have_the_blocks_message():
    with pytest.raises(RuntimeError, match="to have 16 channels, but got 8 channels instead"):
        compiled(mbconv_block())(image(1, 8, 9, 8))
    fast = compiled(lrse_block())
    with pytest.raises(ValueError, match="the deeper level has spatial size"):
        fast(image(1, 24, 4, 4), image(1, 16, 5, 4))
    with pytest.raises(RuntimeError, match="Sizes of tensors must match"):
        fast(image(2, 24, 4, 4), image(1, 16, 4, 4))


@pytest.mark.parametrize(
    "module",
    [
        mbconv_block(dims=3),
        lrse_block(dims=3),
        lrse_block(se="pre"),
        mbconv_block(kernel=7),
        trained(MBConvBlock(2, 16, 16, 3, 1, [32, 32], 6, None)),
    ],
)
def test_what_is_something_else_stays(module):
    [kept] = optimize_for_inference(nn.ModuleList([copy.deepcopy(module)]))
    assert type(kept) is type(module)


def test_blocks_with_hooks_stay():
    module = mbconv_block()
    module.register_forward_hook(lambda *_: None)
    [kept] = optimize_for_inference(nn.ModuleList([module]))
    assert type(kept) is MBConvBlock


@pytest.mark.parametrize("se", ["post", "pre", None])
def test_laednet(se):
    network = trained(LAEDNet(size="S", se=se))
    fast = optimize_for_inference(copy.deepcopy(network))
    assert sum(isinstance(module, CompiledMBConv) for module in fast.modules()) == 16
    assert sum(isinstance(module, CompiledLRSE) for module in fast.modules()) == (0 if se == "pre" else 6)
    x = torch.randn(2, 3, 64, 96)
    with torch.inference_mode():
        torch.testing.assert_close(fast(x), network(x), atol=1e-4, rtol=1e-4)


def test_without_a_compiler(monkeypatch, caplog):
    def missing() -> None:
        raise RuntimeError("the mbconv kernel needs a C++ compiler.")

    monkeypatch.setattr(optimize, "load_block_kernel", missing)
    [kept] = optimize_for_inference(nn.ModuleList([mbconv_block()]))
    assert type(kept) is MBConvBlock
    assert "each separable convolution runs through PyTorch, which is slower: the mbconv kernel needs" in caplog.text
