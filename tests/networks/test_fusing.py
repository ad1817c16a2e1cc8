"""Convolutions through oneDNN's fused operation against PyTorch's own."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn as nn
from monai.networks.blocks import Convolution
from monai.networks.nets import EfficientNetBN, HoVerNet
from monai.networks.nets.efficientnet import MBConvBlock
from torch._subclasses.fake_tensor import FakeTensorMode

from monai_nlseg.inferers import StepWindowInferer, inference_cost
from monai_nlseg.networks import channels_last, fusing, optimize_for_inference
from monai_nlseg.networks.folding import fold_batch_norm
from monai_nlseg.networks.footprint import packed_bytes
from monai_nlseg.networks.fusing import FusedConvolution, fuse_convolutions
from monai_nlseg.networks.nets import LAEDNet

ACTS = {
    "none": None,
    "swish": nn.SiLU(),
    "monai's swish": fusing.Swish(),
    "memory-efficient swish": fusing.MemoryEfficientSwish(),
    "sigmoid": nn.Sigmoid(),
    "leaky": nn.LeakyReLU(0.2),
}
CONVOLUTIONS = {
    "2D": lambda: nn.Conv2d(6, 9, 3, padding=1),
    "strided": lambda: nn.Conv2d(6, 9, (3, 5), stride=(2, 1), padding=(0, 2), bias=False),
    "dilated": lambda: nn.Conv2d(6, 4, 3, dilation=2),
    "depthwise": lambda: nn.Conv2d(6, 12, 5, groups=6),
    "pointwise": lambda: nn.Conv2d(6, 5, 1),
    "3D": lambda: nn.Conv3d(6, 9, 3, padding=1, stride=2),
}


def frozen(conv: nn.Module) -> nn.Module:
    return channels_last(conv.eval().requires_grad_(False))


def images(conv: nn.Module, size: int = 12) -> torch.Tensor:
    return torch.randn(2, 6, *[size] * (conv.weight.dim() - 2))


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_equals_pytorch(name, act):
    conv = frozen(CONVOLUTIONS[name]())
    fused, after = FusedConvolution(conv, ACTS[act]), ACTS[act] or nn.Identity()
    for size in (12, 15, 12):  # packed for each shape
        x = images(conv, size)
        torch.testing.assert_close(fused(x), after(conv(x)), atol=1e-5, rtol=1e-5)
    x = images(conv)[:0]
    assert fused(x).shape == conv(x).shape


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("act", ACTS)
def test_values_that_are_not_finite_stay(act, value):
    conv = frozen(CONVOLUTIONS["2D"]())
    x = images(conv)
    x[0, 2, 3, 4] = value
    expected = (ACTS[act] or nn.Identity())(conv(x))
    assert not expected.isfinite().all() or act in ("sigmoid", "leaky")
    torch.testing.assert_close(FusedConvolution(conv, ACTS[act])(x), expected, equal_nan=True, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("pads", [(0, 1, 0, 1), (1, 2, 1, 2), (2, 0, 0, 0), (1, 1, 2, 2), (0, 0, 0, 3)])
def test_pads(pads):
    conv = frozen(nn.Conv2d(6, 6, 3, stride=2, groups=6, padding=(0, 1)))
    x = images(conv)
    expected = conv(nn.functional.pad(x, pads))
    torch.testing.assert_close(FusedConvolution(conv, None, pads)(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_autocast(dtype):
    conv = frozen(CONVOLUTIONS["2D"]())
    x, fused = images(conv), FusedConvolution(conv, nn.SiLU())
    expected = nn.functional.silu(conv(x))
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        result = fused(x)
    assert result.dtype == dtype
    torch.testing.assert_close(result.float(), expected, atol=0.02, rtol=0.02)
    torch.testing.assert_close(fused(x), expected, atol=1e-5, rtol=1e-5)  # the weights have kept their digits


def test_where_the_operation_does_not_serve():
    conv = frozen(CONVOLUTIONS["2D"]())
    fused, x = FusedConvolution(conv, nn.SiLU()), images(conv)
    expected = nn.functional.silu(conv(x))
    given = x.clone().requires_grad_()
    fused(given).square().sum().backward()
    other = x.clone().requires_grad_()
    nn.functional.silu(conv(other)).square().sum().backward()
    torch.testing.assert_close(given.grad, other.grad)
    torch.testing.assert_close(fused(x[0]), expected[0], atol=1e-5, rtol=1e-5)  # without a batch
    torch.testing.assert_close(copy.deepcopy(fused).double()(x.double()).float(), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(torch.jit.trace(fused, x)(x), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(torch.compile(fused, backend="aot_eager")(x), expected, atol=1e-5, rtol=1e-5)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert fused(mode.from_tensor(x)).shape == expected.shape


def test_a_copy_packs_its_own_weights():
    conv = frozen(CONVOLUTIONS["2D"]())
    fused, x = FusedConvolution(conv), images(conv)
    expected = fused(x)
    twin = copy.deepcopy(fused)
    assert torch.equal(twin(x), expected) and twin._packed.weight is not fused._packed.weight


def test_weights_that_change_are_packed_again():
    conv, other = (frozen(CONVOLUTIONS["2D"]()) for _ in range(2))
    fused, x = FusedConvolution(conv), images(conv)
    fused(x)
    fused.load_state_dict(other.state_dict())
    torch.testing.assert_close(fused(x), other(x), atol=1e-5, rtol=1e-5)
    with torch.no_grad():
        fused.bias.add_(1)
    torch.testing.assert_close(fused(x), other(x) + 1, atol=1e-5, rtol=1e-5)
    fused.weight.data = torch.zeros_like(fused.weight)
    torch.testing.assert_close(fused(x), (fused.bias[:, None, None]).expand_as(other(x)))


def test_the_planner_counts_packed_weights():
    conv = frozen(nn.Conv2d(6, 9, 3, padding=1))
    fused = FusedConvolution(conv)
    assert packed_bytes(fused) == 4 * conv.weight.numel() and packed_bytes(conv) == 0
    inferer = StepWindowInferer(8, 8)
    costs = [inference_cost(inferer, network, (6, 16, 16), measure=False) for network in (nn.Sequential(conv), fused)]
    assert costs[1].peak_bytes - costs[0].peak_bytes == packed_bytes(fused)


def test_weights_of_others_at_the_same_address():
    network = optimize_for_inference(nn.Sequential(frozen(nn.Conv2d(16, 16, 3, bias=False))).eval())
    x = torch.randn(1, 16, 8, 8)
    for value in range(10):
        weights = {"0.weight": torch.full((16, 16, 3, 3), float(value))}
        expected = nn.functional.conv2d(x, weights["0.weight"])
        result = torch.func.functional_call(network, weights, (x,))
        torch.testing.assert_close(result, expected, atol=1e-3, rtol=1e-5)


def test_weights_of_inference_mode():
    with torch.inference_mode():
        conv, other = nn.Conv2d(6, 9, 3).eval(), nn.Conv2d(6, 9, 3)
        fused, x = FusedConvolution(conv), torch.randn(1, 6, 9, 9)
        fused(x)
        fused.load_state_dict(other.state_dict())
        torch.testing.assert_close(fused(x), other(x), atol=1e-5, rtol=1e-5)


def test_transforms_of_functions():
    conv = frozen(CONVOLUTIONS["2D"]())
    fused, x, tangent = FusedConvolution(conv, nn.SiLU()), images(conv), torch.randn(2, 6, 12, 12)
    expected = torch.func.jvp(lambda x: nn.functional.silu(conv(x)), (x,), (tangent,))
    torch.testing.assert_close(torch.func.jvp(fused, (x,), (tangent,)), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(torch.vmap(fused)(x[None])[0], fused(x), atol=1e-5, rtol=1e-5)


def test_what_networks_ask_a_convolution():
    conv = frozen(CONVOLUTIONS["strided"]())
    fused = FusedConvolution(conv, None, (0, 1, 0, 1))
    for name in fusing.DESCRIBED:
        assert getattr(fused, name) == getattr(conv, name)


@pytest.mark.parametrize("shape", [(1, 5, 12, 12), (1, 6, 2, 2)])
def test_images_that_do_not_fit_have_pytorchs_message(shape):
    conv = frozen(nn.Conv2d(6, 9, 3))
    with pytest.raises(RuntimeError) as expected:
        conv(torch.zeros(shape))
    with pytest.raises(RuntimeError) as raised:
        FusedConvolution(conv)(torch.zeros(shape))
    assert str(raised.value) == str(expected.value)


@pytest.mark.parametrize(("dtype", "narrow"), [(torch.bfloat16, False), (torch.uint8, True), (torch.float64, True)])
def test_types_are_refused_as_by_pytorch(dtype, narrow):
    conv = frozen(nn.Conv2d(6, 9, 3))
    x = torch.ones(1, 6, 9, 9, dtype=dtype)
    outcomes = []
    for each in (conv, FusedConvolution(conv)):
        with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
            try:
                outcomes.append(each(x).dtype)
            except RuntimeError as error:
                outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


def test_pads_with_dilation_stay():
    network = nn.Sequential(MBConvBlock(2, 8, 8, 3, 2, [16, 16], 1, 0.25))
    network[0]._depthwise_conv.dilation = (2, 2)
    network = trained(network)
    x = torch.randn(1, 8, 20, 20)
    expected = network(x)
    torch.testing.assert_close(optimize_for_inference(network)(x), expected, atol=1e-4, rtol=1e-4)


class Halved(Convolution):
    """A convolution with something between it and its activation."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.adn(self.conv(x) * 0.5)


class Shared(MBConvBlock):
    """A block that activates its input, too."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        x = self._bn1(self._depthwise_conv(self._depthwise_conv_padding(inputs)))
        return x + self._swish(inputs.clone())


def doubled(conv: nn.Module) -> nn.Module:
    forward = conv.forward
    conv.forward = lambda x: forward(x) * 2
    return conv


@pytest.mark.parametrize(
    "make",
    [
        lambda: Halved(2, 8, 8, act="swish", norm=None),
        lambda: Shared(2, 8, 8, 3, 1, [16, 16], 1, None),
        lambda: nn.Sequential(doubled(nn.Conv2d(8, 4, 3)), nn.SiLU()),
    ],
)
def test_what_has_a_forward_of_its_own_keeps_its_value(make):
    network = trained(nn.Sequential(make()))
    x = torch.randn(1, 8, 16, 16)
    expected = network(x)
    torch.testing.assert_close(optimize_for_inference(network)(x), expected, atol=1e-5, rtol=1e-5)


def test_set_swish_puts_no_activation_back():
    network = trained(EfficientNetBN("efficientnet-b0", pretrained=False))
    x = torch.randn(1, 3, 64, 64)
    expected = network(x)
    fused = optimize_for_inference(network)
    fused.set_swish(memory_efficient=False)
    torch.testing.assert_close(copy.deepcopy(fused)(x), expected, atol=1e-4, rtol=1e-4)


def test_the_check_draws_no_random_numbers():
    fusing.require_fused_convolution.cache_clear()
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    with torch.autocast("cpu", torch.bfloat16):
        fusing.require_fused_convolution()
    assert torch.equal(torch.rand(1), expected)


def trained(network: nn.Module) -> nn.Module:
    """Give running statistics and weights that folding would not leave as they are."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.weight, 0.5, 2.0)
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize(
    "make",
    [
        lambda: LAEDNet(size="S"),
        lambda: LAEDNet(size="S", se="pre"),
        lambda: EfficientNetBN("efficientnet-b0", pretrained=False, num_classes=7),
        lambda: nn.Sequential(Convolution(2, 3, 8, act="swish", norm="batch"), Convolution(2, 8, 3, adn_ordering="AN")),
    ],
)
def test_networks(make):
    network = trained(make())
    x = torch.randn(1, 3, 64, 96)
    expected = network(x)
    fused = optimize_for_inference(copy.deepcopy(network))
    assert not any(type(module) in (nn.Conv2d, nn.ConstantPad2d) for module in fused.modules())
    with torch.inference_mode():
        torch.testing.assert_close(fused(x), expected, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(fused(x[..., :64]), network(x[..., :64]), atol=1e-4, rtol=1e-4)


@pytest.mark.slow
def test_a_network_that_reads_strides():
    network = HoVerNet(mode="fast", out_classes=3).eval().requires_grad_(False)
    x = torch.rand(1, 3, 256, 256)
    expected = network(x)
    torch.testing.assert_close(optimize_for_inference(network)(x), expected, atol=1e-3, rtol=1e-3)


def test_networks_of_volumes():
    network = LAEDNet(3, size="S").eval().requires_grad_(False)
    x = torch.randn(1, 3, 32, 32, 32)
    expected = network(x)
    fused = optimize_for_inference(network)
    assert not any(type(module) in (nn.Conv3d, nn.ConstantPad3d) for module in fused.modules())
    torch.testing.assert_close(fused(x), expected, atol=1e-4, rtol=1e-4)


def test_blocks_with_other_convolutions_keep_their_activation():
    network = trained(EfficientNetBN("efficientnet-b0", pretrained=False))
    block = network._blocks[1][0]
    block._depthwise_conv = nn.Sequential(block._depthwise_conv)
    x = torch.randn(1, 3, 64, 64)
    expected = network(x)
    fused = fuse_convolutions(fold_batch_norm(network))
    assert not isinstance(block._swish, nn.Identity)
    torch.testing.assert_close(fused(x), expected, atol=1e-4, rtol=1e-4)


def test_activations_are_taken_over_behind_folded_norms_only():
    make = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.SiLU(), nn.Conv2d(4, 2, 1), nn.ReLU())
    network = trained(make)
    x = torch.randn(2, 3, 9, 9)
    expected = network(x)
    unfolded = fuse_convolutions(copy.deepcopy(network))
    assert isinstance(unfolded[2], nn.SiLU) and isinstance(unfolded[0].act, nn.Identity)
    folded = fuse_convolutions(fold_batch_norm(copy.deepcopy(network)))
    assert isinstance(folded[2], nn.Identity) and isinstance(folded[0].act, nn.SiLU)
    assert isinstance(folded[4], nn.ReLU)  # oneDNN's makes zeros of NaN
    for each in (unfolded, folded):
        torch.testing.assert_close(each(x), expected, atol=1e-5, rtol=1e-5)


def test_what_has_a_hook_stays():
    network = trained(nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Conv2d(4, 4, 3), nn.SiLU()))
    seen = []
    network[0].register_forward_hook(lambda module, inputs, out: seen.append("conv"))
    network[3].register_forward_hook(lambda module, inputs, out: seen.append("act"))
    expected = network(torch.ones(1, 3, 9, 9))
    result = fuse_convolutions(network)(torch.ones(1, 3, 9, 9))
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-5)
    assert seen == ["conv", "act"] * 2 and [type(part) for part in network] == [
        nn.Conv2d,
        nn.SiLU,
        FusedConvolution,
        nn.SiLU,
    ]


def test_training_mode_is_refused():
    with pytest.raises(ValueError, match=r"in training mode: call network.eval\(\) before"):
        fuse_convolutions(nn.Conv2d(1, 1, 1))


def test_a_pytorch_without_the_operation(monkeypatch, caplog):
    """The networks go through PyTorch's convolutions, and a warning says so once."""
    monkeypatch.setattr(fusing, "FusedConvolution", _broken)
    fusing.require_fused_convolution.cache_clear()
    network = optimize_for_inference(trained(nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU())))
    assert type(network[0]) is nn.Conv2d
    assert "each convolution runs through PyTorch, which is slower: PyTorch" in caplog.text
    fusing.require_fused_convolution.cache_clear()


def _broken(conv: nn.Module, act: nn.Module) -> nn.Module:
    def forward(x: torch.Tensor) -> torch.Tensor:
        raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute '_convolution_pointwise'")

    return forward
