from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_nlseg.networks.blocks import SameConvolution, SameTransposedConvolution


def tf_same_convolution(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """TensorFlow's definition on one axis: x (length), kernel (k) -> (ceil(length / stride))."""
    length, size = len(x), len(kernel)
    out = -(-length // stride)
    total = max((out - 1) * stride + size - length, 0)
    padded = np.pad(x, (total // 2, total - total // 2))
    return np.array([padded[i * stride : i * stride + size] @ kernel for i in range(out)])


def tf_same_transposed(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The gradient of the stride-2 "same" convolution of an input twice as long."""
    matrix = np.stack([tf_same_convolution(row, kernel, 2) for row in np.eye(2 * len(x))])
    return matrix @ x


def _separable(weights: list[np.ndarray]) -> torch.Tensor:
    kernel = torch.ones(())
    for weight in weights:
        kernel = kernel[..., None] * torch.from_numpy(weight).float()
    return kernel[None, None]


@pytest.mark.parametrize("shape", [(8, 6), (7, 4), (5, 9), (4, 6, 8), (5, 4, 7), (1, 2, 3)])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_is_tensorflows(shape, stride):
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=3) for _ in shape]
    layer = SameConvolution(len(shape), 1, 1, 3, stride)
    layer.conv.weight.data = _separable(weights)
    x = rng.normal(size=shape)
    expected = x
    for axis, weight in enumerate(weights):
        expected = np.apply_along_axis(tf_same_convolution, axis, expected, weight, stride)
    result = layer(torch.from_numpy(x).float()[None, None])[0, 0].detach().numpy()
    np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(4, 3), (1, 5), (3, 4, 2)])
def test_transposed_convolution_is_tensorflows(shape):
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=3) for _ in shape]
    layer = SameTransposedConvolution(len(shape), 1, 1)
    layer.conv.weight.data = _separable(weights)
    x = rng.normal(size=shape)
    expected = x
    for axis, weight in enumerate(weights):
        expected = np.apply_along_axis(tf_same_transposed, axis, expected, weight)
    result = layer(torch.from_numpy(x).float()[None, None])[0, 0].detach().numpy()
    assert result.shape == tuple(2 * size for size in shape)
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_pytorchs_own_padding_differs():
    """Why these layers exist: padding=1 samples another grid."""
    layer = SameConvolution(3, 1, 1, 3, 2)
    x = torch.randn(1, 1, 8, 8, 8)
    other = torch.nn.functional.conv3d(x, layer.conv.weight, stride=2, padding=1)
    assert (layer(x) - other).abs().max() > 0.1


@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 2)])
def test_derivatives_of_the_transposed_convolution(shape):
    layer = SameTransposedConvolution(len(shape), 2, 3, bias=True).double()
    x = torch.randn(1, 2, *shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(layer, x, fast_mode=True)
    assert torch.autograd.gradcheck(layer, x, fast_mode=True, check_backward_ad=False, check_forward_ad=True)


def test_the_gradient_of_a_transposed_convolution_stays_channels_last():
    given = []
    layer = SameTransposedConvolution(3, 2, 3)
    layer.conv.weight.data = layer.conv.weight.data.contiguous(memory_format=torch.channels_last_3d)
    x = torch.randn(2, 2, 4, 3, 5).contiguous(memory_format=torch.channels_last_3d).requires_grad_()
    out = layer(x)
    out.grad_fn.next_functions[0][0].register_prehook(lambda gradients: given.extend(gradients))
    out.backward(torch.full_like(out, 2.0, memory_format=torch.channels_last_3d))
    assert given[0].shape == (2, 3, 9, 7, 11)
    assert given[0].is_contiguous(memory_format=torch.channels_last_3d)
    expected = torch.zeros_like(given[0])
    expected[..., :-1, :-1, :-1] = 2
    assert torch.equal(given[0], expected)


def test_an_activation_in_place_behind_a_transposed_convolution():
    layer = SameTransposedConvolution(2, 1, 1)
    x = torch.randn(1, 1, 3, 4)
    (in_place,) = torch.autograd.grad(torch.nn.functional.relu(layer(x), inplace=True).sum(), layer.conv.weight)
    (expected,) = torch.autograd.grad(torch.nn.functional.relu(layer(x)).sum(), layer.conv.weight)
    assert torch.equal(in_place, expected)
