from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from monai_nlseg.networks.blocks import DeformedNonLocalBlock
from monai_nlseg.networks.export import export_network
from monai_nlseg.networks.exported import FORMATS, ExportedNetwork
from monai_nlseg.networks.footprint import forward_footprint
from tests.networks.formats import formats

INTERPRETATIONS = ["outer", "excite_input", "excite_aggregate"]
SHAPES = [(2, 16, 7, 5), (1, 16, 1, 1), (1, 16, 3, 4, 5)]


def literal(block: DeformedNonLocalBlock, x: torch.Tensor) -> torch.Tensor:
    """Equations (8) to (12) written out."""
    count = x[0, 0].numel()
    theta, phi, g = (conv(x).flatten(2) for conv in (block.theta, block.phi, block.g))
    logits = theta @ phi.transpose(1, 2)
    y1 = (logits / count**0.5 if block.scale else logits).softmax(-1) @ g
    if block.interpretation == "excite_aggregate":
        out = (block.excite(y1.mean(2)).sigmoid().unsqueeze(2) * y1).unflatten(2, x.shape[2:])
    else:
        y2 = (block.squeeze(x).flatten(2) @ y1.transpose(1, 2)).squeeze(1)
        y4 = block.excite(y2 / count if block.scale else y2).reshape(*x.shape[:2], *[1] * (x.dim() - 2))
        out = y4 * block.spread(x) if block.interpretation == "outer" else y4.sigmoid() * x
    return x + out if block.residual else out


@pytest.mark.parametrize("interpretation", INTERPRETATIONS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kwargs", [{}, {"residual": False}, {"scale": False, "reduction": 4}])
def test_is_the_literal_form(interpretation, shape, kwargs):
    torch.manual_seed(0)
    block = DeformedNonLocalBlock(len(shape) - 2, 16, interpretation, **kwargs).double()
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    out, expected = block(x), literal(block, x)
    torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-10)
    leaves = [x, *block.parameters()]
    gradients = torch.autograd.grad(out.square().sum(), leaves)
    for gradient, wanted in zip(gradients, torch.autograd.grad(expected.square().sum(), leaves)):
        torch.testing.assert_close(gradient, wanted, rtol=1e-8, atol=1e-8)


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(INTERPRETATIONS),
    st.floats(-100, 100),
    st.floats(0.01, 10),
    st.sampled_from([(9, 8), (40, 40), (4, 5, 6)]),
    st.booleans(),
)
def test_float32_is_as_good_as_the_literal_form(interpretation, offset, size, spatial, channels_last):
    torch.manual_seed(0)
    block = DeformedNonLocalBlock(len(spatial), 16, interpretation, residual=False).double()
    x = (torch.randn(2, 16, *spatial) * size + offset).double()
    with torch.no_grad():
        exact = literal(block, x)
        block, x = block.float(), x.float()
        written_out = (literal(block, x) - exact).abs().max()
        if channels_last:
            x = x.contiguous(memory_format=torch.channels_last if len(spatial) == 2 else torch.channels_last_3d)
        assert (block(x) - exact).abs().max() <= 8 * written_out + 1e-5 * exact.abs().max()


@pytest.mark.parametrize("kind", ["noise", "rectified", "smooth", "offset"])
def test_float32_on_many_voxels(kind):
    torch.manual_seed(0)
    noise = torch.randn(1, 32, 256, 256)
    x = {"noise": noise, "rectified": noise.relu(), "smooth": noise.cumsum(3) / 16, "offset": noise + 10}[kind]
    block = DeformedNonLocalBlock(2, 32, residual=False)
    with torch.no_grad():
        out = block(x)
        exact = literal(block.double(), x.double())
    assert (out - exact).abs().max() < 1e-4 * exact.abs().max()


@pytest.mark.parametrize(
    ("channels", "counts"),
    [(32, (3_396, 3_363, 3_330)), (64, (13_190, 13_125, 13_060)), (128, (51_978, 51_849, 51_720))],
)
def test_golden_counts(channels, counts):
    for dims in (2, 3):
        blocks = [DeformedNonLocalBlock(dims, channels, interpretation) for interpretation in INTERPRETATIONS]
        assert tuple(sum(p.numel() for p in block.parameters()) for block in blocks) == counts


def test_golden_cost():
    block = DeformedNonLocalBlock(2, 64)
    written_out = forward_footprint(lambda x: literal(block, x), (1, 64, 96, 96))
    # The outer product, 64 * 96^2, is no matrix product.
    assert round((written_out.flops / 2 + 64 * 96**2) / 1e9, 4) == 0.1911
    cost = forward_footprint(block, (1, 64, 96, 96))
    assert cost.flops < 0.21 * written_out.flops
    # Input and output, and what is small beside them.
    assert cost.peak_bytes < 2.1 * 4 * 64 * 96**2 < written_out.peak_bytes / 2


class _Largest(TorchDispatchMode):
    largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        sizes = [tensor.numel() for tensor in tree_leaves(out) if isinstance(tensor, torch.Tensor)]
        self.largest = max([self.largest, *sizes])
        return out


@pytest.mark.parametrize("interpretation", INTERPRETATIONS)
def test_no_tensor_of_voxels_by_voxels(interpretation):
    x = torch.randn(1, 16, 24, 24, requires_grad=True)
    with _Largest() as record:
        DeformedNonLocalBlock(2, 16, interpretation)(x).sum().backward()
    assert record.largest == 16 * 24**2


def test_softmax_is_not_saturated_at_the_start():
    x = torch.randn(2, 64, 96, 96)
    for kind, limit in ((x, 0.8), (x.relu() / x.relu().std(), 0.95)):
        for seed in range(3):
            torch.manual_seed(seed)
            block = DeformedNonLocalBlock(2, 64)
            with torch.no_grad():
                theta, phi = block.theta(kind).flatten(2), block.phi(kind).flatten(2)
                logits = theta @ phi.transpose(1, 2)
                branch = block(kind) - kind
            assert (logits / 96).softmax(-1).amax(-1).mean() < limit
            assert logits.softmax(-1).amax(-1).mean() > 0.97  # as printed
            assert 0.05 < branch.std() / kind.std() < 0.5


@pytest.mark.parametrize("interpretation", INTERPRETATIONS)
def test_autocast(interpretation):
    torch.manual_seed(0)
    block, x = DeformedNonLocalBlock(2, 32, interpretation), torch.randn(2, 32, 48, 48)
    with torch.autocast("cpu", torch.bfloat16):
        out = block(x)
        half = block(x.bfloat16())
    torch.testing.assert_close(out.float(), block(x), rtol=0.02, atol=0.03)
    torch.testing.assert_close(half.float(), block(x), rtol=0.02, atol=0.05)


def test_sums_over_voxels_keep_the_weights_precision_under_autocast():
    # In float16 a sum of squares over 300^2 voxels of unit variance overflows.
    block, x = DeformedNonLocalBlock(2, 16), torch.randn(1, 16, 6, 5)
    products = []
    attend = block._attend
    block._attend = lambda x: products.append((x @ x.mT).dtype) or attend(x)
    with torch.autocast("cpu", torch.bfloat16):
        block(x)
        block(x.bfloat16())
    assert products == [torch.float32] * 2


# "outer" goes through every format within DNLNet.
@pytest.mark.parametrize("format", formats("torchscript", "pt2"))
def test_export(format, tmp_path):
    torch.manual_seed(0)
    block, path = DeformedNonLocalBlock(2, 16, "excite_aggregate").eval(), tmp_path / f"block{FORMATS[format]}"
    assert export_network(block, (16, 6, 5), path, format) < 1e-5
    x = torch.randn(4, 16, 6, 5)
    with torch.inference_mode():
        torch.testing.assert_close(ExportedNetwork(path)(x), block(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("interpretation", INTERPRETATIONS)
@pytest.mark.parametrize("script", [False, True])
def test_float16_weights(interpretation, script):
    # Neither the sums of squares nor the number of voxels, 90,000, are within float16's range.
    torch.manual_seed(0)
    block, x = DeformedNonLocalBlock(2, 16, interpretation).half(), torch.randn(1, 16, 300, 300).half()
    with torch.no_grad():
        out = (torch.jit.script(block) if script else block)(x)
        expected = block.float()(x.float())
    assert out.dtype == torch.float16
    torch.testing.assert_close(out.float(), expected, rtol=0.01, atol=0.01)
