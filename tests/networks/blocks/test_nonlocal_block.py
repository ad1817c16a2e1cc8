from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from monai_nlseg.networks import optimize_for_inference
from monai_nlseg.networks.blocks import NonLocalBlock
from monai_nlseg.networks.export import export_network
from monai_nlseg.networks.exported import FORMATS
from tests.networks.formats import formats

MODES = ["embedded_gaussian", "dot_product", "concatenation"]


def pairs(block: NonLocalBlock, theta: torch.Tensor, phi: torch.Tensor) -> torch.Tensor:
    """f(x_i, x_j) / c for (B, I, C) and (B, N, C) -> (B, I, N), written out."""
    if block.mode == "embedded_gaussian":
        return (theta @ phi.transpose(1, 2)).softmax(-1)
    if block.mode == "dot_product":
        return theta @ phi.transpose(1, 2) / phi.shape[1]
    return (block.pair_theta(theta) + block.pair_phi(phi).transpose(1, 2)).relu() / phi.shape[1]


def explicit(block: NonLocalBlock, x: torch.Tensor) -> torch.Tensor:
    theta, phi, g = (conv(x).flatten(2).transpose(1, 2) for conv in (block.theta, block.phi, block.g))
    y = pairs(block, theta, phi) @ g
    return x + block.project(y.transpose(1, 2).unflatten(2, x.shape[2:]))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(2, 8, 7, 5), (1, 8, 1, 1), (1, 8, 3, 4, 5)])
@pytest.mark.parametrize("inter_channels", [None, 3])
def test_is_the_definition(mode, shape, inter_channels):
    torch.manual_seed(0)
    block = NonLocalBlock(len(shape) - 2, 8, inter_channels, mode).double()
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    out, expected = block(x), explicit(block, x)
    assert block.theta.out_channels == (inter_channels or 4)
    torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-10)
    leaves = [x, *block.parameters()]
    gradients = torch.autograd.grad(out.square().sum(), leaves)
    for gradient, wanted in zip(gradients, torch.autograd.grad(expected.square().sum(), leaves)):
        torch.testing.assert_close(gradient, wanted, rtol=1e-8, atol=1e-8)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(MODES),
    st.integers(0, 1000),
    st.floats(0.01, 10),
    st.floats(-30, 30),
    st.lists(st.integers(1, 9), min_size=2, max_size=3),
)
def test_float32(mode, seed, size, offset, spatial):
    torch.manual_seed(seed)
    block = NonLocalBlock(len(spatial), 8, mode=mode)
    x = torch.randn(2, 8, *spatial) * size + offset
    with torch.no_grad():
        out = block(x)
        exact = explicit(block.double(), x.double())
        if mode == "dot_product":
            # A sum of products, whose terms may cancel: exact to a few units of the last place of their magnitudes.
            for parameter in block.parameters():
                parameter.abs_()
            assert ((out - exact).abs() <= 8 * 2**-24 * explicit(block, x.double().abs())).all()
            return
    # The logits are exact to a few times 2^-24 of their terms, of which the exponential makes the relative error.
    terms = (offset**2 + size**2) if mode == "embedded_gaussian" else 0
    assert (out - exact).abs().max() <= (1e-5 + 1e-5 * terms) * exact.abs().max()


@pytest.mark.parametrize("offset", [0.0, 20.0])
def test_concatenation_of_many_voxels(offset):
    """Against float64 written out, for some of the 262,144 voxels."""
    torch.manual_seed(0)
    block = NonLocalBlock(2, 8, mode="concatenation")
    x = torch.randn(1, 8, 512, 512) + offset
    chosen = torch.randint(512**2, (48,))
    with torch.no_grad():
        out = block(x)
        block, x = block.double(), x.double()
        theta, phi, g = (conv(x).flatten(2).transpose(1, 2) for conv in (block.theta, block.phi, block.g))
        y = pairs(block, theta[:, chosen], phi) @ g
        expected = y @ block.project.weight.flatten(1).t() + block.project.bias
        branch = (out - x).flatten(2).transpose(1, 2)[:, chosen]
    assert (branch - expected).abs().max() < 1e-5 * max(float(expected.abs().max()), offset)


def test_concatenation_of_equal_voxels():
    block = NonLocalBlock(2, 8, mode="concatenation").double()
    x = torch.ones(1, 8, 5, 4).double()
    x[..., 2:] = -1
    torch.testing.assert_close(block(x), explicit(block, x))


class _Largest(TorchDispatchMode):
    largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        sizes = [tensor.numel() for tensor in tree_leaves(out) if isinstance(tensor, torch.Tensor)]
        self.largest = max([self.largest, *sizes])
        return out


@pytest.mark.parametrize("mode", MODES)
def test_no_tensor_of_voxels_by_voxels(mode):
    x = torch.randn(1, 8, 40, 40, requires_grad=True)
    with _Largest() as record:
        NonLocalBlock(2, 8, mode=mode)(x).sum().backward()
    assert record.largest <= 8 * (40**2 + 1) < 1600**2


@pytest.mark.parametrize(("channels", "half", "full"), [(32, 2_128, 4_224), (64, 8_352, 16_640), (128, 33_088, 66_048)])
def test_golden_counts(channels, half, full):
    for mode in MODES:
        for inter, wanted in ((None, half), (channels, full)):
            block = NonLocalBlock(2, channels, inter, mode)
            pair = 2 * block.theta.out_channels if mode == "concatenation" else 0
            assert sum(p.numel() for p in block.parameters()) == wanted + pair


@pytest.mark.parametrize("mode", MODES)
def test_autocast(mode):
    torch.manual_seed(0)
    block, x = NonLocalBlock(2, 16, mode=mode), torch.randn(1, 16, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        out = block(x)
    torch.testing.assert_close(out.float(), block(x), rtol=0.02, atol=0.02)


@pytest.mark.parametrize("mode", ["dot_product", "concatenation"])
def test_sums_over_voxels_keep_the_weights_precision_under_autocast(mode):
    block = NonLocalBlock(2, 8, mode=mode)
    products = []
    pairwise = block._pairwise
    block._pairwise = lambda *tokens: products.append((tokens[0] @ tokens[1].mT).dtype) or pairwise(*tokens)
    with torch.autocast("cpu", torch.bfloat16):
        block(torch.randn(1, 8, 6, 5))
    assert products == [torch.float32]


def test_the_compiled_kernel_takes_its_place():
    block, x = NonLocalBlock(2, 16).eval(), torch.randn(1, 16, 9, 8)
    with torch.inference_mode():
        expected = block(x)
        torch.testing.assert_close(optimize_for_inference(block)(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("mode", "format"),
    [
        ("embedded_gaussian", "onnx"),
        pytest.param("dot_product", "onnx", marks=pytest.mark.slow),
        *formats("torchscript", "pt2", "onnx", mode="concatenation"),
    ],
)
def test_export(mode, format, tmp_path):
    torch.manual_seed(0)
    block = NonLocalBlock(2, 8, mode=mode).eval()
    assert export_network(block, (8, 6, 5), tmp_path / f"block{FORMATS[format]}", format) < 1e-5


@pytest.mark.parametrize("mode", ["dot_product", "concatenation"])
@pytest.mark.parametrize("script", [False, True])
def test_float16_weights(mode, script):
    # phi^T g and the running sums leave float16's range.
    torch.manual_seed(0)
    block = NonLocalBlock(2, 8, mode=mode).half()
    x = (torch.randn(1, 8, 200, 200) + 4).half()
    with torch.no_grad():
        out = (torch.jit.script(block) if script else block)(x)
        expected = block.float()(x.float())
    assert out.dtype == torch.float16
    torch.testing.assert_close(out.float(), expected, rtol=0.01, atol=0.02)
