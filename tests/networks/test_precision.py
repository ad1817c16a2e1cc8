from __future__ import annotations

import copy

import pytest
import torch

from monai_nlseg.networks import autocast_forward
from monai_nlseg.networks.blocks import ScaledDotProductAttention
from monai_nlseg.networks.nets import NonLocalUNet


def test_bfloat16_computes_reduced_and_returns_float32():
    net = NonLocalUNet(features=4).eval()
    x = torch.randn(1, 2, 8, 8, 8)
    with torch.no_grad():
        expected = net(x)
        keys = list(net.state_dict())
        inner = []
        net.output.register_forward_hook(lambda module, inputs, out: inner.append(out.dtype))
        result = autocast_forward(net, "cpu", "bfloat16")(x)
    assert inner == [torch.bfloat16]
    assert result.dtype == torch.float32
    assert 0 < (result - expected).abs().max() < 0.1 * expected.abs().max()
    assert list(net.state_dict()) == keys


def test_the_attention_has_operands_of_one_type():
    """A bias in float32 would make the query wider than the keys, and send it past the kernel."""
    net = NonLocalUNet(features=16).eval()
    seen = []
    for module in net.modules():
        if isinstance(module, ScaledDotProductAttention):
            module.register_forward_pre_hook(lambda module, operands: seen.append({each.dtype for each in operands}))
    with torch.no_grad():
        autocast_forward(net, "cpu", "bfloat16")(torch.randn(1, 2, 8, 8, 8))
    assert seen == [{torch.bfloat16}] * 3


def test_gradients_stay_float32():
    net = autocast_forward(NonLocalUNet(features=4), torch.device("cpu"), "bfloat16")
    net(torch.randn(1, 2, 8, 8, 8)).sum().backward()
    assert all(parameter.grad.dtype == torch.float32 for parameter in net.parameters())


def test_a_deep_copy_computes_with_its_own_weights():
    net = autocast_forward(NonLocalUNet(features=4).eval(), "cpu", "bfloat16")
    x = torch.randn(1, 2, 8, 8, 8)
    with torch.no_grad():
        expected = net(x)
        twin = copy.deepcopy(net)
        for parameter in net.parameters():
            parameter.zero_()
        assert torch.equal(twin(x), expected) and not net(x).any()
    assert list(twin.state_dict()) == list(net.state_dict())


def test_float32_changes_nothing():
    net = NonLocalUNet(features=4)
    assert autocast_forward(net, "cpu", "float32") is net
    assert "forward" not in vars(net)


def test_several_outputs():
    class Two(torch.nn.Conv2d):
        def forward(self, x):
            return super().forward(x), x

    outputs = autocast_forward(Two(1, 1, 1), "cpu", "bfloat16")(torch.ones(1, 1, 4, 4))
    assert isinstance(outputs, tuple) and all(output.dtype == torch.float32 for output in outputs)


@pytest.mark.parametrize(
    ("dtype", "words"),
    [("int8", "'int8' is not supported"), ("float16", "float16 is slow and of small range on the CPU")],
)
def test_refuses_other_types(dtype, words):
    with pytest.raises(ValueError, match=words):
        autocast_forward(NonLocalUNet(features=4), "cpu", dtype)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_labels_on_a_gpu_are_those_of_float32(dtype):
    torch.manual_seed(0)
    net, x = NonLocalUNet().eval().cuda(), torch.randn(2, 2, 32, 32, 32, device="cuda")
    with torch.inference_mode():
        expected = net(x).argmax(1)
        assert (autocast_forward(net, "cuda", dtype)(x).argmax(1) == expected).float().mean() > 0.999


@pytest.mark.parametrize(("kernel", "shape"), [(3, (2, 4, 4)), (5, (4, 4, 4))])
def test_gradients_of_thin_volumes_are_right(kernel, shape):
    """In bfloat16, oneDNN returns NaN or values that are no gradient for inputs less deep than the kernel."""
    torch.manual_seed(0)
    plain = torch.nn.Sequential(torch.nn.Conv3d(32, 32, kernel, padding=kernel // 2, bias=False))
    reduced = autocast_forward(copy.deepcopy(plain), "cpu", "bfloat16")
    for _ in range(8):
        lost = [torch.full((size,), float("nan")) for size in (20_000, 200_000, 32 * 32 * kernel**3)]
        del lost  # so that memory that is read without being written is seen
        x = torch.randn(2, 32, *shape)
        for net in (plain, reduced):
            net.zero_grad()
            net(x).square().mean().backward()
        expected = plain[0].weight.grad
        assert (reduced[0].weight.grad - expected).norm() < 0.02 * expected.norm()
