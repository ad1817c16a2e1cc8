from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import binary_erosion, grey_erosion

from monai_nlseg.transforms import ErosionMaskSmoothing

INSIDE = np.float32(243 / 255)


def square(edge=40, size=64):
    mask = torch.zeros(1, size, size)
    start = (size - edge) // 2
    mask[:, start : start + edge, start : start + edge] = 1
    return mask


def test_golden_square():
    soft = ErosionMaskSmoothing()(square())
    values, counts = np.unique(soft.numpy(), return_counts=True)
    np.testing.assert_allclose(values, [0, 0.9529412, 1], rtol=1e-7)
    assert counts.tolist() == [64 * 64 - 1600, 256, 1344]
    assert (soft[0, 24:40, 24:40] == INSIDE).all()


@settings(max_examples=25, deadline=None)
@given(
    arrays(
        np.bool_, array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=14), elements=st.sampled_from([1] * 9 + [0])
    ),
    st.sampled_from([1, 3, 5]),
    st.integers(1, 3),
)
def test_equals_repeated_erosion(mask, kernel_size, iterations):
    soft = ErosionMaskSmoothing(kernel_size, iterations, epsilon=0.25)(mask[None].astype(np.float32))[0]
    structure = np.ones((kernel_size,) * mask.ndim)
    repeated = binary_erosion(mask, structure, iterations, border_value=1)
    np.testing.assert_array_equal(soft, mask - 0.25 * repeated)
    edge = iterations * (kernel_size - 1) + 1
    once = grey_erosion(mask.astype(np.uint8), size=(edge,) * mask.ndim, mode="constant", cval=1)
    np.testing.assert_array_equal(soft == 0.75, once == 1)


def test_image_border_does_not_erode():
    mask = torch.ones(1, 30, 40)
    assert (ErosionMaskSmoothing()(mask) == INSIDE).all()
    mask[:, :, 20:] = 0
    soft = ErosionMaskSmoothing()(mask)[0]
    assert (soft[:, :8] == INSIDE).all()
    assert (soft[:, 8:20] == 1).all()
    assert not soft[:, 20:].any()


def test_thin_and_empty_masks():
    thin = square(edge=24)
    torch.testing.assert_close(ErosionMaskSmoothing()(thin), thin)
    assert not ErosionMaskSmoothing()(torch.zeros(1, 32, 32)).any()


def test_two_channels_sum_to_one():
    soft = ErosionMaskSmoothing()(square())
    both = ErosionMaskSmoothing(two_channel=True)(square())
    assert both.shape == (2, 64, 64)
    torch.testing.assert_close(both[1:], soft)
    torch.testing.assert_close(both.sum(0), torch.ones(64, 64))


def test_integer_cast_of_the_released_loss_keeps_the_rim_only():
    assert ErosionMaskSmoothing()(square()).long().sum() == 1344


@pytest.mark.parametrize("value", [255.0, 0.5, -1.0])
def test_grey_masks_are_refused(value):
    with pytest.raises(ValueError, match=rf"has the value {value:g}: expected 0 and 1 only"):
        ErosionMaskSmoothing()(square() * value)
