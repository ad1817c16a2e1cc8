from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from monai.transforms import AsDiscrete
from skimage.measure import label as skimage_label

from monai_nlseg.transforms import RemoveSmallComponents

MAPS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=8), elements=st.integers(0, 2)).map(
    lambda labels: labels[None]
)
FRACTIONS = st.sampled_from([0, 0.1, 0.3, 0.5, 1])


def test_published_fraction():
    """In a vessel of 10,000 voxels, a component of 2 voxels is less than 0.03 %, one of 3 voxels is not."""
    vessel = torch.zeros(1, 30, 30, 30)
    vessel[0, 5:25, 5:25, 0:24] = 1
    vessel[0, 5, 5:25, 0:24] = 0
    vessel[0, 6, 5:25, 0:18] = 0  # 8,760 voxels
    vessel[0, 27, 0:30, 0:30] = 1
    vessel[0, 28, 0:11, 0:30] = 1
    vessel[0, 28, 11, 0:5] = 1  # 1,235 voxels
    vessel[0, 0, 0, :2] = 1
    vessel[0, 0, 29, :3] = 1
    assert vessel.sum() == 10_000
    result = RemoveSmallComponents()(vessel)
    assert not result[0, 0, 0].any()
    assert result[0, 0, 29].sum() == 3
    assert result.sum() == 9_998


def test_each_label_by_itself():
    labels = torch.tensor([[[1, 1, 1, 1, 0, 1], [0, 0, 0, 0, 0, 0], [2, 2, 0, 2, 0, 0]]])
    assert RemoveSmallComponents(0.25)(labels).tolist() == [[[1, 1, 1, 1, 0, 0], [0] * 6, [2, 2, 0, 2, 0, 0]]]


def test_connectivity():
    diagonal = torch.eye(4)[None]
    torch.testing.assert_close(RemoveSmallComponents(0.5)(diagonal), diagonal)
    assert not RemoveSmallComponents(0.5, connectivity=1)(diagonal).any()
    corner = torch.zeros(1, 2, 2, 2)
    corner[0, 0, 0, 0] = corner[0, 1, 1, 1] = 1
    assert RemoveSmallComponents(0.6)(corner).sum() == 2
    assert RemoveSmallComponents(0.6, connectivity=2)(corner).sum() == 0


@settings(max_examples=60, deadline=None)
@given(MAPS, FRACTIONS, st.sampled_from([1, None]))
def test_equals_scikit_image_and_is_idempotent(labels, fraction, connectivity):
    remove = RemoveSmallComponents(fraction, connectivity)
    result = remove(labels)
    expected = labels.copy()
    for value in (1, 2):
        components = skimage_label(labels[0] == value, connectivity=connectivity)
        for component in range(1, components.max() + 1):
            if (components == component).sum() < fraction * (labels == value).sum():
                expected[0][components == component] = 0
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(remove(result), result)


@settings(max_examples=40, deadline=None)
@given(MAPS, FRACTIONS)
def test_one_hot_agrees_with_labels(labels, fraction):
    one_hot = AsDiscrete(to_onehot=3)(torch.from_numpy(labels))
    result = RemoveSmallComponents(fraction)(one_hot)
    assert (result.sum(0) == 1).all()
    np.testing.assert_array_equal(result.argmax(0), RemoveSmallComponents(fraction)(labels)[0])


def test_empty():
    assert not RemoveSmallComponents()(torch.zeros(1, 4, 4)).any()


@pytest.mark.parametrize("channels", [torch.ones(2, 4, 4), torch.zeros(2, 4, 4), torch.full((2, 4, 4), 0.5)])
def test_channels_that_are_not_one_hot(channels):
    with pytest.raises(ValueError, match=r"is not one-hot: .* AsDiscreted\(argmax=True, to_onehot=2\)"):
        RemoveSmallComponents()(channels)


def test_connectivity_above_the_axes():
    with pytest.raises(ValueError, match="has 2 spatial axes: expected connectivity 2 or less, not 3"):
        RemoveSmallComponents(connectivity=3)(torch.zeros(1, 4, 4))


def test_no_spatial_axes():
    with pytest.raises(ValueError, match="expected one channel first"):
        RemoveSmallComponents()(torch.zeros(4))
