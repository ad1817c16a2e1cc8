from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from monai.transforms import NormalizeIntensity
from skimage import data
from skimage.exposure import equalize_adapthist

from monai_nlseg.transforms import CLAHE


@pytest.fixture(scope="module")
def image():
    """A photograph, float32 0 to 1, (1, 97, 130)."""
    photograph = data.camera()[100:294:2, 100:360:2].astype(np.float32)
    return (photograph[None] - photograph.min()) / np.ptp(photograph)


@pytest.mark.parametrize(
    "arguments", [{}, {"kernel_size": 24}, {"kernel_size": (16, 40), "clip_limit": 2 / 256}, {"num_bins": 64}]
)
def test_equals_scikit_image(image, arguments):
    theirs = dict(arguments)
    theirs["nbins"] = theirs.pop("num_bins", 256)
    np.testing.assert_allclose(CLAHE(**arguments)(image)[0], equalize_adapthist(image[0], **theirs), atol=1e-6)


def test_clip_limit_governs_local_contrast(image):
    faint = image * 0.02
    faint[:, :40, :40] += 0.98  # a bright corner keeps the global range at 1
    before = faint[0, 60:, 60:].std()
    assert CLAHE(clip_limit=0.05)(faint)[0, 60:, 60:].std() > 5 * before
    assert CLAHE(clip_limit=0.002)(faint)[0, 60:, 60:].std() < 2 * before


def test_standardisation_before_changes_nothing(image):
    np.testing.assert_allclose(CLAHE()(NormalizeIntensity()(image)), CLAHE()(image), atol=2e-3)
    np.testing.assert_allclose(CLAHE()(image * 4095 - 1024), CLAHE()(image), atol=2e-3)


def test_channels_are_independent(image):
    both = np.concatenate((image, 1 - image[:, ::-1]))
    result = CLAHE()(both)
    np.testing.assert_array_equal(result[:1], CLAHE()(both[:1]))
    np.testing.assert_array_equal(result[1:], CLAHE()(both[1:]))


@settings(max_examples=25, deadline=None)
@given(
    arrays(
        np.float32,
        array_shapes(min_dims=3, max_dims=4, min_side=1, max_side=9),
        elements=st.floats(-1e6, 1e6, width=32),
    )
)
def test_range(values):
    result = CLAHE()(values)
    assert result.shape == values.shape
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert result.min() >= 0
    assert result.max() <= 1


@pytest.mark.parametrize("value", [-3.0, 0.0, 0.5, 1000.0])
def test_constant_channel_is_zero(value):
    assert not CLAHE()(torch.full((2, 9, 9), value)).any()


def test_volume():
    volume = torch.rand(2, 12, 10, 8, generator=torch.Generator().manual_seed(0))
    result = CLAHE(kernel_size=(6, 5, 4))(volume)
    assert result.shape == volume.shape
    assert result.amin() == 0
    assert result.amax() == 1


@pytest.mark.parametrize("planes", [3, 4])
@pytest.mark.parametrize("arguments", [{"kernel_size": 3}, {"kernel_size": (5, 4, 2)}, {}])
def test_volume_of_few_planes_is_no_colour_image(planes, arguments):
    """The same volume with the planes first, which nothing takes for colours, gives the same."""
    volume = np.random.default_rng(0).random((1, 20, 17, planes))
    volume[0, 0, 0, :2] = 0, 1
    turned = {key: value if isinstance(value, int) else value[::-1] for key, value in arguments.items()}
    expected = equalize_adapthist(volume[0].transpose(2, 1, 0), **turned)
    np.testing.assert_allclose(
        CLAHE(**arguments)(volume)[0], expected.transpose(2, 1, 0), atol=3 / 2**14
    )  # grey levels


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite(value):
    image = torch.rand(1, 8, 8)
    image[0, 3, 3] = value
    with pytest.raises(ValueError, match="NaN or infinite values: expected finite ones"):
        CLAHE()(image)


def test_shapes_that_do_not_fit():
    for shape in ((8,), (8, 8), (1, 1, 8, 8, 8)):  # (8, 8) would be eight channels of one axis
        with pytest.raises(ValueError, match=r"channel first, \(C, H, W\) or .*: add it with EnsureChannelFirstd"):
            CLAHE()(torch.rand(shape))
    with pytest.raises(
        ValueError, match=r"has 2 spatial axes: expected 3, one for each number of kernel_size \(4, 4, 4\)"
    ):
        CLAHE(kernel_size=[4, 4, 4])(torch.rand(1, 8, 8))
