"""The compiled instance norm and its gradient against PyTorch's, in double precision where it can tell them apart."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from torch._subclasses.fake_tensor import FakeTensorMode

from monai_nlseg.networks.kernels import compiled_instance_norm

# The operator itself, which has statistics beside the result.
kernel = torch.ops.monai_nlseg.instance_norm
INF, NAN = math.inf, math.nan
BOUNDS = {"none": (-INF, INF), "ReLU": (0.0, INF), "ReLU6": (0.0, 6.0), "Hardtanh": (-1.0, 1.0)}
TOLERANCE = {torch.float32: 2e-5, torch.bfloat16: 0.02}


def definition(x, weight=None, bias=None, epsilon=1e-5, low=-INF, high=INF):
    parameters = [None if each is None else each.double() for each in (weight, bias)]
    out = F.instance_norm(x.double(), weight=parameters[0], bias=parameters[1], eps=epsilon)
    return out if low == -INF and high == INF else F.hardtanh(out, low, high)


def image(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Channels of different means and spreads."""
    generator = torch.Generator().manual_seed(0)
    spread = torch.linspace(0.5, 3.0, shape[1]).reshape(1, -1, *[1] * (len(shape) - 2))
    return (spread * torch.randn(shape, generator=generator) + 2 * spread).to(dtype)


def weights(channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(channels, generator=generator) + 0.5, torch.randn(channels, generator=generator)


def channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.contiguous(memory_format=torch.channels_last if x.dim() == 4 else torch.channels_last_3d)


@settings(max_examples=60, deadline=None)
@given(
    batch=st.integers(1, 3),
    channels=st.integers(1, 40),
    # Beyond a block of 64 and a task of 1024 voxels.
    sizes=st.lists(st.integers(1, 50), min_size=2, max_size=2) | st.lists(st.integers(1, 14), min_size=3, max_size=3),
    bounds=st.sampled_from(sorted(BOUNDS)),
    dtype=st.sampled_from(sorted(TOLERANCE, key=str)),
    last=st.booleans(),
)
def test_equals_pytorch(batch, channels, sizes, bounds, dtype, last):
    x, (weight, bias) = image(batch, channels, *sizes, dtype=dtype), weights(channels)
    x = channels_last(x) if last else x
    if math.prod(sizes) == 1:
        with pytest.raises(ValueError, match="more than 1 spatial element"):
            compiled_instance_norm(x, weight, bias)
        return
    result = compiled_instance_norm(x, weight, bias, 1e-3, *BOUNDS[bounds])
    expected = definition(x, weight, bias, 1e-3, *BOUNDS[bounds])
    assert result.dtype == dtype
    torch.testing.assert_close(result.double(), expected, atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])


@pytest.mark.parametrize("weight", [None, torch.tensor([2.0, -1.0, 0.5])])
@pytest.mark.parametrize("bias", [None, torch.tensor([0.1, 0.2, 0.3])])
def test_without_weights(weight, bias):
    x = image(2, 3, 5, 6)
    torch.testing.assert_close(compiled_instance_norm(x, weight, bias), definition(x, weight, bias).float())


@pytest.mark.parametrize("mean", [1e3, 1e5, -1e6])
def test_a_mean_far_from_zero_costs_no_more_than_in_pytorch(mean):
    x = image(2, 4, 12, 12, 12) + mean
    expected = definition(x)
    errors = [float((norm(x) - expected).abs().max()) for norm in (compiled_instance_norm, F.instance_norm)]
    assert errors[0] <= 1.1 * errors[1]


@pytest.mark.parametrize("spread", [1e-15, 1e15, 1e25, 1e36])
def test_squares_that_float_does_not_hold(spread):
    """PyTorch gives zeros from 1e20 on, where the variance itself leaves float32."""
    given = [spread * image(2, 3, 20, 20), *weights(3)]
    torch.testing.assert_close(compiled_instance_norm(*given), definition(*given).float())


@pytest.mark.parametrize("value", [0.0, 1.0, -1e-30, 3e38])
def test_a_constant(value):
    x, (weight, bias) = torch.full((2, 3, 20, 20), value), weights(3)
    torch.testing.assert_close(compiled_instance_norm(x, weight, bias), bias[:, None, None].expand(2, 3, 20, 20))


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("value", [INF, -INF, NAN])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_nan_and_infinities_stay_in_their_channel(value, dtype, bounds):
    """And reach each voxel of it, bounded or not."""
    x = channels_last(image(2, 3, 40, 40, dtype=dtype))
    x[1, 2, 7, 9] = value
    given = [x.requires_grad_(), *(each.requires_grad_() for each in weights(3))]
    result = compiled_instance_norm(*given, 1e-5, *BOUNDS[bounds])
    assert result[1, 2].isnan().all() and result[0].isfinite().all() and result[1, :2].isfinite().all()
    gradients = torch.autograd.grad(result.float().sum(), given)
    twin = [each.detach().double().requires_grad_() for each in given]
    expected = torch.autograd.grad(definition(*twin, 1e-5, *BOUNDS[bounds]).sum(), twin)
    for actual, wanted in zip(gradients, expected):
        assert torch.equal(actual.isnan(), wanted.isnan())


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("shape", [(2, 5, 9, 11, 13), (1, 32, 40, 30), (3, 1, 2, 1)])
def test_gradient_equals_pytorch(shape, bounds, dtype):
    given = [channels_last(image(*shape, dtype=dtype)), *weights(shape[1])]
    upstream = torch.randn(shape, generator=torch.Generator().manual_seed(2)).to(dtype)
    result = compiled_instance_norm(*(each.requires_grad_() for each in given), 1e-5, *BOUNDS[bounds])
    twin = [each.detach().double().requires_grad_() for each in given]
    expected = torch.autograd.grad(definition(*twin, 1e-5, *BOUNDS[bounds]), twin, upstream.double())
    for actual, wanted, source in zip(torch.autograd.grad(result, given, upstream), expected, given):
        assert actual.dtype == source.dtype
        scale = float(wanted.abs().max())
        assert (actual.double() - wanted).abs().max() <= 2 * TOLERANCE[source.dtype] * scale + 1e-6


def test_gradient_equals_differences():
    """Compare with finite differences of the kernel itself; the step is coarse because it computes in float32."""
    x, (weight, bias) = image(2, 3, 4, 4, 4), weights(3)
    given = tuple(each.requires_grad_() for each in (x, weight, bias))
    function = lambda *each: compiled_instance_norm(*each, 1e-5, -50.0, 50.0)  # noqa: E731
    with pytest.warns(UserWarning, match="not a double precision"):
        torch.autograd.gradcheck(function, given, eps=1e-2, atol=2e-2, rtol=2e-2, check_undefined_grad=False)


def test_what_does_not_serve_goes_through_pytorch():
    for x in (image(2, 3, 8, 8).double(), image(2, 3, 8, 8).half(), image(2, 3, 50), torch.ones(2, 3, 1, 1).half()):
        if x.shape[-1] == 1:
            with pytest.raises(ValueError, match="more than 1 spatial element"):
                compiled_instance_norm(x)
            continue
        result = compiled_instance_norm(x, low=0.0, high=1.0)
        assert result.dtype == x.dtype
        torch.testing.assert_close(result.double(), definition(x, low=0.0, high=1.0), atol=2e-3, rtol=1e-3)
    x = image(2, 3, 4, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: compiled_instance_norm(x, low=-1.0, high=1.0), (x,))


def test_a_second_derivative_is_refused():
    x = image(1, 2, 4, 4).requires_grad_()
    (first,) = torch.autograd.grad(compiled_instance_norm(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="no autograd formula"):
        first.sum().backward()


@pytest.mark.parametrize(
    "change",
    [
        lambda x, weight, bias: (x.int(), weight, bias),
        lambda x, weight, bias: (x.double(), weight, bias),
        lambda x, weight, bias: (x[0, 0], weight, bias),
        lambda x, weight, bias: (x, weight[:2], bias),
        lambda x, weight, bias: (x, weight, bias[:, None]),
    ],
)
def test_the_operator_reads_nothing_that_is_not_there(change):
    with pytest.raises(ValueError, match=r"the image is .*: expected \(B, C, \*spatial\) of 2D or 3D in float32 or"):
        kernel(*change(image(2, 3, 4, 4), *weights(3)), 1e-5, 0.0, 6.0)


LAYOUTS = {
    "contiguous": lambda x: x,
    "channels last": channels_last,
    "transposed": lambda x: x.transpose(-1, -2).contiguous().transpose(-1, -2),
    "every second": lambda x: x.repeat_interleave(2, -1)[..., ::2],
    "cropped channels last": lambda x: channels_last(F.pad(x, (0, 1, 0, 1)))[..., :-1, :-1],
    "expanded": lambda x: x[:, :1].expand_as(x),
    "negated when read": lambda x: torch.complex(x, -x).conj().imag,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(2, 4, 6, 5), (1, 1, 6, 5), (1, 4, 3, 6, 5), (0, 4, 6, 5)])
def test_any_layout_and_what_is_said_of_the_result_is_true(layout, shape):
    x, (weight, bias) = LAYOUTS[layout](image(*shape)), weights(shape[1])
    real = kernel(x, weight, bias, 1e-5, 0.0, 6.0)
    if x.numel():
        torch.testing.assert_close(real[0], definition(x, weight, bias, 1e-5, 0.0, 6.0).float(), atol=1e-5, rtol=1e-5)
    with FakeTensorMode() as mode:
        fake = kernel(*(mode.from_tensor(each) for each in (x, weight, bias)), 1e-5, 0.0, 6.0)
    for said, true in zip(fake, real):
        assert (said.shape, said.dtype, said.stride()) == (true.shape, true.dtype, true.stride())


class Norm(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # What follows relies on what the trace knows of the result.
        return compiled_instance_norm(x.contiguous(), low=0.0, high=6.0).flatten(2).transpose(1, 2)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_traces_keep_the_value(layout):
    x = LAYOUTS[layout](image(2, 4, 6, 5))
    expected = definition(x, low=0.0, high=6.0).float().flatten(2).transpose(1, 2)
    program = torch.export.export(Norm(), (image(2, 4, 6, 5),))
    assert "monai_nlseg.instance_norm" in str(program.graph)
    torch.testing.assert_close(program.module()(x), expected, atol=1e-5, rtol=1e-5)
    torch._dynamo.reset()
    compiled = torch.compile(Norm(), backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(torch.jit.trace(Norm(), (x,))(x), expected, atol=1e-5, rtol=1e-5)


def test_a_compiled_graph_can_be_trained():
    torch._dynamo.reset()
    gradients = []
    for module in (Norm(), torch.compile(Norm(), backend="aot_eager", fullgraph=True)):
        x = image(2, 4, 6, 5).requires_grad_()
        module(x).square().sum().backward()
        gradients.append(x.grad)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("layout", ["contiguous", "channels last"])
def test_registration_is_complete(layout):
    given = [LAYOUTS[layout](image(2, 3, 4, 5)), *weights(3)]
    torch.library.opcheck(kernel, (*(each.requires_grad_() for each in given), 1e-5, 0.0, 6.0))


def test_meta_tensors():
    x = image(2, 3, 4, 5)
    result = compiled_instance_norm(MetaTensor(x))
    assert isinstance(result, MetaTensor)
    torch.testing.assert_close(result.as_tensor(), definition(x).float())


def test_same_result_with_any_number_of_threads():
    given, threads, results = [image(2, 8, 30, 30, 30), *weights(8)], torch.get_num_threads(), []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            twin = [each.clone().requires_grad_() for each in given]
            result = compiled_instance_norm(*twin, 1e-5, 0.0, 6.0)
            results.append([result, *torch.autograd.grad(result.square().sum(), twin)])
    finally:
        torch.set_num_threads(threads)
    assert all(map(torch.equal, *results))
