"""What every block and network promises."""

from __future__ import annotations

import io

import pytest
import torch

from monai_nlseg.networks import blocks, nets
from tests.networks.cases import BLOCKS, ENCODER_DECODERS, NETS, PAIRED_ELSEWHERE, SHAPES, Case, needs_encoders

OURS = {**BLOCKS, **NETS}
CASES = {**OURS, **ENCODER_DECODERS}


def over(names):
    """Parametrise a test over cases."""
    marks = {name: [needs_encoders] for name in ENCODER_DECODERS}
    for name in PAIRED_ELSEWHERE:
        marks[name].append(pytest.mark.slow)
    given = [pytest.param(CASES[name], id=name, marks=marks.get(name, ())) for name in names]
    return pytest.mark.parametrize("case", given)


def channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.contiguous(memory_format=torch.channels_last if x.dim() == 4 else torch.channels_last_3d)


def close(actual: torch.Tensor, expected: torch.Tensor, share: float = 1e-4) -> None:
    """Compare tensors, to a share of the largest value."""
    torch.testing.assert_close(actual.float(), expected.float(), atol=share * float(expected.abs().max()), rtol=0)


@over(OURS)
@pytest.mark.parametrize("train", [True, False])
def test_output_has_the_declared_shape_and_the_input_stays(case: Case, train):
    module, given = case.module().train(train), case.tensors()
    output = case.call(module, given)
    assert output.shape == case.output and output.dtype == torch.float32 and output.isfinite().all()
    for tensor, before in zip(given, case.tensors()):
        assert torch.equal(tensor, before)


@pytest.mark.parametrize(("build", "arguments", "shape", "expected"), SHAPES)
@pytest.mark.parametrize("train", [True, False])
def test_networks_have_a_logit_for_each_voxel_and_class(build, arguments, shape, expected, train):
    assert build(**arguments).train(train)(torch.randn(shape)).shape == expected


@over(CASES)
def test_gradient_reaches_every_parameter_and_input(case: Case):
    """The running statistics are used, because batch statistics would absorb the bias before a normalisation."""
    module = case.module().eval().double()
    given = [tensor.requires_grad_() for tensor in case.tensors(torch.double)]
    output = case.call(module, given)
    assert output.shape == case.output
    output.square().sum().backward()
    assert all(tensor.grad.abs().max() > 0 for tensor in given)
    for name, parameter in module.named_parameters():
        reached = parameter.grad is not None and parameter.grad.abs().max() > 1e-12
        assert reached != name.endswith(case.without_gradient), name


@over([name for name, case in CASES.items() if case.scripts])
def test_torchscript_computes_the_same_once_saved(case: Case):
    module, given, buffer = case.module().eval(), case.tensors(), io.BytesIO()
    torch.jit.save(torch.jit.script(module), buffer)
    buffer.seek(0)
    with torch.no_grad():
        close(case.call(torch.jit.load(buffer), given), case.call(module, given))


@over(OURS)
def test_channels_last_computes_the_same(case: Case):
    module, given = case.module().eval(), case.tensors()
    with torch.no_grad():
        expected = case.call(module, given)
        dims = given[0].dim()
        module = module.to(memory_format=torch.channels_last if dims == 4 else torch.channels_last_3d)
        close(case.call(module, [channels_last(tensor) for tensor in given]), expected)


@over(OURS)
def test_autocast_computes_about_the_same(case: Case):
    module, given = case.module().eval(), case.tensors()
    with torch.no_grad():
        expected = case.call(module, given)
        with torch.autocast("cpu", torch.bfloat16):
            close(case.call(module, given), expected, 0.05)


@over(OURS)
def test_shapes_are_known_without_values(case: Case):
    with torch.device("meta"):
        output = case.call(case.build(**case.arguments).eval(), [torch.empty(shape) for shape in case.inputs])
    assert output.shape == case.output


def test_every_block_and_network_is_held_to_it():
    held = {type(case.module()).__name__ for case in OURS.values()}
    parts = {"NormAct", "ScaledDotProductAttention", "FoldEnsemble"}  # of other blocks, and what joins other networks
    assert held | parts | {"EncoderDecoder"} == {*blocks.__all__, *nets.__all__}
