"""The compiled attention against the definition in double precision and against PyTorch's."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from torch._subclasses.fake_tensor import FakeTensorMode

from monai_nlseg.networks.kernels import attention as module
from monai_nlseg.networks.kernels import compiled_attention, load_attention_kernel

# The operator itself: compiled_attention leaves short lists of keys to PyTorch.
kernel = torch.ops.monai_nlseg.attention
INF, NAN = math.inf, math.nan
TYPES = {torch.float32: {}, torch.bfloat16: {"atol": 0.01, "rtol": 0.02}}
"""Types that the kernel computes in, and how far results may lie from PyTorch's; none is what its tests allow."""


def definition(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    query, key, value = query.double(), key.double(), value.double()
    return (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(-1) @ value


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(1, 3),
    heads=st.integers(1, 2),
    rows=st.integers(1, 300),
    keys=st.integers(1, 400),
    width=st.sampled_from(module.KERNEL_WIDTHS),
    spread=st.sampled_from([0.01, 1.0, 8.0]),
)
def test_equals_the_definition(batch, heads, rows, keys, width, spread):
    """In bfloat16 within the rounding of a result and of the weights."""
    generator = torch.Generator().manual_seed(rows * 1000 + keys)
    query = spread * torch.randn(batch, heads, rows, width, generator=generator)
    key = torch.randn(batch, heads, keys, width, generator=generator)
    value = torch.randn(batch, heads, keys, width, generator=generator)
    expected = definition(query, key, value)
    for attention in (compiled_attention, kernel):
        assert (attention(query, key, value) - expected).abs().max() < 1e-5 * max(spread, 1.0)
    narrow = [operand.to(torch.bfloat16) for operand in (query, key, value)]
    expected, result = definition(*narrow), kernel(*narrow)
    assert result.dtype == torch.bfloat16
    weights = (narrow[0].double() @ narrow[1].double().transpose(-1, -2) / width**0.5).softmax(-1)
    bound = 2.0**-8 * (expected.abs() + weights @ narrow[2].double().abs())
    assert ((result.double() - expected).abs() <= bound + 1e-5).all()


def test_extreme_scores_saturate_instead_of_overflowing():
    query = torch.full((1, 1, 7, 32), 1e3)
    key = torch.randn(1, 1, 260, 32, generator=torch.Generator().manual_seed(0))
    value = torch.randn(1, 1, 260, 32, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(compiled_attention(query, key, value), definition(query, key, value).float())


@pytest.mark.parametrize("spread", [1e3, 1e5, 1e9])
@pytest.mark.parametrize("dtype", TYPES)
def test_large_scores(spread, dtype):
    """Far from the maximum by less than their rounding, they have equal weights."""
    query, key, value = operands(60, 300)
    given = [operand.to(dtype) for operand in (query * spread, key * spread, value)]
    require_what_pytorch_gives(given)
    given[1] = given[1][:, :, :1].expand_as(given[1])
    require_what_pytorch_gives(given)


def test_rising_scores_move_the_running_maximum():
    query = torch.ones(1, 1, 3, 16)
    key = torch.linspace(-40, 40, 500)[None, None, :, None].repeat(1, 1, 1, 16)
    value = torch.randn(1, 1, 500, 16, generator=torch.Generator().manual_seed(0))
    # Float32 holds scores of 160 to within 1e-5, which is the relative error of the weights.
    expected = definition(query, key, value).float()
    torch.testing.assert_close(compiled_attention(query, key, value), expected, atol=1e-4, rtol=1e-3)


def operands(rows: int = 40, keys: int = 150, width: int = 16, heads: int = 1) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, heads, length, width, generator=generator) for length in (rows, keys, keys)]


def require_what_pytorch_gives(given: list[torch.Tensor]) -> None:
    """Compare with PyTorch's attention in float32: the one in bfloat16 has zeros for scores of inf."""
    expected = F.scaled_dot_product_attention(*(operand.float() for operand in given))
    tolerances = TYPES[given[0].dtype]
    torch.testing.assert_close(kernel(*given).float(), expected, equal_nan=True, **tolerances)


def scores_of(scores: list[float]) -> list[torch.Tensor]:
    """Operands of one query whose score with each key is given."""
    query, key, value = operands(1, len(scores))
    query.zero_()[..., 0] = 4.0  # the root of the width
    key[..., 0] = torch.tensor(scores)
    return [query, key, value]


@pytest.mark.parametrize(
    "scores",
    [
        [-INF] * 150,
        [-INF] * 130 + [1.0] * 20,  # a whole block, then others
        [1.0] * 130 + [-INF] * 20,
        [INF] + [1.0] * 149,
        [NAN] + [-INF] * 149,
        [1.0] * 149 + [NAN],
        [0.0] + [-200.0] * 149,  # weights of 0 in float32
    ],
)
@pytest.mark.parametrize("largest", [1.0, 1e38, INF])
@pytest.mark.parametrize("dtype", TYPES)
def test_scores_that_are_not_finite_give_what_pytorch_gives(scores, largest, dtype):
    query, key, value = scores_of(scores)
    value[..., -1, :3] = largest
    require_what_pytorch_gives([operand.to(dtype) for operand in (query, key, value)])


@pytest.mark.parametrize("operand", [0, 1, 2])
@pytest.mark.parametrize("value", [INF, -INF, NAN])
@pytest.mark.parametrize("dtype", TYPES)
def test_operands_that_are_not_finite_give_what_pytorch_gives(operand, value, dtype):
    given = [operand.to(dtype) for operand in operands(30, 144)]
    given[operand][0, 0, 3, 2] = value
    given[operand][1, 0, 20] = value
    require_what_pytorch_gives(given)


@pytest.mark.parametrize("operand", [0, 1, 2])
@pytest.mark.parametrize("bits", [0x7FC00000, 0x7F800001, -1])
@pytest.mark.parametrize("dtype", TYPES)
def test_nan_is_not_hidden(operand, bits, dtype):
    """Whatever its low bits, which are free."""
    given = [torch.randn(1, 1, length, 32) for length in (200, 150, 150)]
    given[operand][0, 0, 140] = torch.tensor(bits, dtype=torch.int32).view(torch.float32)
    given = [operand.to(dtype) for operand in given]
    rows = kernel(*given).isnan().all(-1).flatten()
    assert rows[140] and (operand == 0) == (rows.sum() == 1)


def channels_last(operand: torch.Tensor) -> torch.Tensor:
    return operand.contiguous(memory_format=torch.channels_last)


LAYOUTS = {
    "contiguous": lambda operand: operand,
    "channels last": channels_last,
    "transposed": lambda operand: operand.transpose(-1, -2).contiguous().transpose(-1, -2),
    "heads within": lambda operand: operand.transpose(1, 2).contiguous().transpose(1, 2),
    "every second": lambda operand: operand.repeat_interleave(2, -1)[..., ::2],
    "expanded": lambda operand: operand[:, :, :1].expand_as(operand),
    "negated when read": lambda operand: torch.complex(operand, -operand).conj().imag,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout(layout):
    given = [LAYOUTS[layout](operand) for operand in operands(heads=2)]
    torch.testing.assert_close(kernel(*given), definition(*given).float())


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("sizes", [(40, 150), (0, 9), (9, 0)])
def test_what_is_said_of_the_result_is_true(layout, dtype, sizes):
    given = [LAYOUTS[layout](operand.to(dtype).float()).to(dtype) for operand in operands(*sizes, heads=2)]
    real = kernel(*given)
    with FakeTensorMode() as mode:
        fake = kernel(*(mode.from_tensor(operand) for operand in given))
    for name in ("shape", "dtype", "device", "layout"):
        assert getattr(fake, name) == getattr(real, name)
    assert fake.stride() == real.stride()


class Attention(torch.nn.Module):
    def forward(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        # What follows relies on what the trace knows of the result.
        return compiled_attention(query.contiguous(), key.contiguous(), value.contiguous()).transpose(1, 2).flatten(2)


@pytest.mark.parametrize("traced", LAYOUTS)
@pytest.mark.parametrize("run", ["contiguous", "channels last", "transposed"])
def test_a_trace_takes_other_layouts_than_its_example(traced, run):
    """Tracing leaves out a `contiguous` that the example does not need."""
    example, given = ([LAYOUTS[layout](operand) for operand in operands(heads=2)] for layout in (traced, run))
    program = torch.export.export(Attention(), tuple(example))
    assert "monai_nlseg.attention" in str(program.graph)
    expected = definition(*given).float().transpose(1, 2).flatten(2)
    torch.testing.assert_close(program.module()(*given), expected)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_compiled_graphs_keep_the_value(layout):
    given = [LAYOUTS[layout](operand) for operand in operands(heads=2)]
    torch._dynamo.reset()
    compiled = torch.compile(Attention(), backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(*given), definition(*given).float().transpose(1, 2).flatten(2))


@pytest.mark.parametrize("sizes", [(0, 1, 5, 7), (1, 0, 5, 7), (1, 1, 0, 7), (1, 1, 5, 0), (0, 0, 0, 0)])
def test_nothing_to_attend(sizes):
    batch, heads, rows, keys = sizes
    given = [torch.ones(batch, heads, length, 16) for length in (rows, keys, keys)]
    torch.testing.assert_close(kernel(*given), F.scaled_dot_product_attention(*given))


def test_many_heads_of_few_keys():
    """Each takes a whole block when packed; packed together they would take 100 times the memory of the operands."""
    value = torch.randn(3, 3000, 1, 16)
    torch.testing.assert_close(kernel(torch.randn(3, 3000, 2, 16), value, value), value.expand(-1, -1, 2, -1))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_floating_types(dtype):
    given = [operand.to(dtype) for operand in operands()]
    for attention in (kernel, compiled_attention):
        result = attention(*given)
        assert result.dtype == dtype
        tolerance = 1e-5 if dtype == torch.float64 else 0.01
        torch.testing.assert_close(result.double(), definition(*given), atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize(
    "change",
    [
        lambda query, key, value: (query.int(), key.int(), value.int()),
        lambda query, key, value: (query + 0j, key + 0j, value + 0j),
        lambda query, key, value: (query.half(), key, value),
        lambda query, key, value: (query, key, value[:, :, :140]),
        lambda query, key, value: (query[:1], key, value),
        lambda query, key, value: (query[..., :8], key[..., :8], value[..., :8]),
    ],
)
def test_the_operator_reads_nothing_that_is_not_there(change):
    with pytest.raises(ValueError, match=r"query, key and value are .*: expected \(B, heads, L, C\).*32, 64 or 128"):
        kernel(*change(*operands()))


@pytest.mark.parametrize("change", [lambda operand: operand.int(), lambda operand: operand + 0j])
def test_types_that_pytorch_does_not_take_are_refused(change):
    with pytest.raises(RuntimeError):
        compiled_attention(*(change(operand) for operand in operands()))


def test_meta_tensors_and_batches_of_batches():
    given = operands()
    expected = definition(*given).float()
    result = compiled_attention(*map(MetaTensor, given))
    assert isinstance(result, MetaTensor)
    torch.testing.assert_close(result.as_tensor(), expected)
    torch.testing.assert_close(torch.vmap(compiled_attention)(*(operand[None] for operand in given)), expected[None])


@pytest.mark.parametrize("width", [8, 24])
def test_other_widths_and_gradients_go_through_torch(width):
    query = torch.randn(1, 1, 20, width, requires_grad=True)
    key = value = torch.randn(1, 1, 30, width)
    output = compiled_attention(query, key, value)
    output.sum().backward()
    assert query.grad is not None and query.grad.abs().sum() > 0
    torch.testing.assert_close(output.detach().double(), definition(query, key, value).detach(), atol=1e-5, rtol=1e-5)


def test_gradients_are_right_or_refused():
    query, key, value = operands()
    gradients = [
        torch.func.grad(lambda query, attention=attention: attention(query, key, value).sum())(query)
        for attention in (compiled_attention, definition)
    ]
    torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-5)
    with pytest.raises(RuntimeError, match="no autograd formula"):
        kernel(query.requires_grad_(), key, value).sum().backward()


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 1, 8, 16), (1, 1, 9, 16), (1, 1, 9, 16)),  # broadcast
        ((1, 8, 16), (1, 9, 16), (1, 9, 16)),
        ((1, 1, 8, 16), (1, 1, 9, 16), (1, 1, 9, 32)),
    ],
)
def test_other_shapes_go_through_torch(shapes):
    operands = [torch.randn(shape) for shape in shapes]
    torch.testing.assert_close(compiled_attention(*operands), definition(*operands).float(), atol=1e-5, rtol=1e-5)


def test_channels_that_do_not_fit_are_refused():
    with pytest.raises(RuntimeError):
        compiled_attention(torch.randn(1, 1, 8, 16), torch.randn(1, 1, 9, 8), torch.randn(1, 1, 9, 16))


@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
def test_registration_is_complete(layout):
    torch.library.opcheck(kernel, tuple(LAYOUTS[layout](operand) for operand in operands(heads=2)))


def test_same_result_with_any_number_of_threads():
    operands = [torch.randn(2, 1, length, 32) for length in (1000, 700, 700)]
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = compiled_attention(*operands)
        torch.set_num_threads(3)
        three = compiled_attention(*operands)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(one, three)


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() != "AVX512", reason="the other architecture is tested")
def test_avx2(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    load_attention_kernel.cache_clear()
    module.serves_bfloat16.cache_clear()
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    operands = [torch.randn(1, 2, length, 64) for length in (250, 333, 333)]
    torch.testing.assert_close(compiled_attention(*operands), definition(*operands).float(), atol=1e-5, rtol=1e-5)
    assert not module.serves_bfloat16()
    given = scores_of([-INF] * 130 + [-200.0, 0.0] * 10)
    torch.testing.assert_close(compiled_attention(*given), F.scaled_dot_product_attention(*given))
    load_attention_kernel.cache_clear()
    module.serves_bfloat16.cache_clear()
