from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from monai_nlseg.networks.blocks import NearestConvolution2d, NearestConvolution3d

CLASSES = {2: NearestConvolution2d, 3: NearestConvolution3d}


def explicit(block: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    convolution = F.conv2d if x.dim() == 4 else F.conv3d
    return convolution(F.interpolate(x, scale_factor=block.scale, mode="nearest"), block.weight, block.bias, padding=1)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=3),
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
)
def test_equals_up_sampling_and_convolution(size, scale, before, after, bias, channels_last):
    torch.manual_seed(0)
    block = CLASSES[len(size)](before, after, scale, bias=bias).double()
    x = torch.randn(2, before, *size, dtype=torch.double)
    if channels_last:
        memory_format = {2: torch.channels_last, 3: torch.channels_last_3d}[len(size)]
        block, x = block.to(memory_format=memory_format), x.contiguous(memory_format=memory_format)
    torch.testing.assert_close(block(x), explicit(block, x))


@pytest.mark.parametrize("dims", [2, 3])
def test_gradients_are_the_convolutions(dims):
    torch.manual_seed(0)
    block = CLASSES[dims](3, 2, 4, bias=True).double()
    x = torch.randn(2, 3, *(4, 3, 2)[:dims], dtype=torch.double, requires_grad=True)
    leaves = [x, *block.parameters()]
    actual = torch.autograd.grad(block(x).square().sum(), leaves)
    expected = torch.autograd.grad(explicit(block, x).square().sum(), leaves)
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("dims", [2, 3])
def test_folds_with_a_batch_norm_behind_it(dims):
    torch.manual_seed(0)
    norm = (torch.nn.BatchNorm2d if dims == 2 else torch.nn.BatchNorm3d)(2).eval()
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    block, x = CLASSES[dims](3, 2, 2).eval(), torch.randn(1, 3, *(4, 3, 2)[:dims])
    folded = torch.nn.utils.fusion.fuse_conv_bn_eval(block, norm)
    torch.testing.assert_close(folded(x), norm(block(x)), atol=1e-5, rtol=1e-5)
