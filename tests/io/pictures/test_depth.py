from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monai_nlseg.io.pictures import PictureError
from monai_nlseg.io.pictures.depth import Samples, eight_bits
from tests.io.pictures.encodings import grey_picture

PATH = Path("a.tif")
UNSIGNED = Samples(16, "u")


@given(
    seed=st.integers(0, 99),
    factor=st.sampled_from([1, 4, 16, 64, 256, 257]),
    white=st.sampled_from([255, 200, 127, 90]),
    inverted=st.booleans(),
)
def test_eight_bits_in_sixteen(seed, factor, white, inverted):
    """A dark picture, too: what the steps of the values show needs no white."""
    expected = grey_picture(seed, white)
    values = expected.astype(np.uint16) * factor
    depth = {1: 8, 4: 10, 16: 12, 64: 14}.get(factor, 16)
    if inverted:
        values = (2**depth - 1 - values).astype(np.uint16)
    assume(factor == 1 or values.max() > 255)  # which are of 8 bits themselves
    np.testing.assert_array_equal(eight_bits(values, Samples(16, "u", inverted=inverted), PATH), expected)


@pytest.mark.parametrize("depth", [10, 12, 14, 16])
@pytest.mark.parametrize("declared", [True, False])
def test_noise_in_the_low_bits_makes_a_difference_of_one_at_most(depth, declared):
    expected = grey_picture()
    noise = np.random.default_rng(1).integers(0, 1 << (depth - 8), expected.shape)
    noise[0, 1] = (1 << (depth - 8)) - 1  # white
    values = (expected.astype(np.uint16) << (depth - 8)) + noise
    samples = Samples(16, "u", depth if declared and depth < 16 else None)
    assert np.abs(eight_bits(values, samples, PATH).astype(int) - expected).max() <= 1


@pytest.mark.parametrize(("significant", "factor"), [(12, 257), (12, 256), (8, 257), (8, 256), (8, 1), (12, 16)])
def test_significant_bits_are_scaled_to_all_bits_or_not(significant, factor):
    expected = grey_picture()
    values = expected.astype(np.uint16) * factor
    np.testing.assert_array_equal(eight_bits(values, Samples(16, "u", significant), PATH), expected)


def test_a_dark_picture_whose_depth_is_declared():
    values = np.array([[0, 300, 1023]], np.uint16)
    np.testing.assert_array_equal(eight_bits(values, Samples(16, "u", 12), PATH), [[0, 19, 64]])


@pytest.mark.parametrize("highest", [256, 1022, 1024, 3001, 4094, 9001, 16382])
def test_a_depth_that_would_be_a_guess_is_refused(highest):
    values = np.array([[0, 3, highest]], np.uint16)
    with pytest.raises(
        PictureError, match=f"a.tif' holds values from 0 to {highest} in 16 bits and does not say which is white"
    ):
        eight_bits(values, UNSIGNED, PATH)


def test_above_fourteen_bits_there_is_one_choice():
    values = np.array([[0, 3, 16384]], np.uint16)
    np.testing.assert_array_equal(eight_bits(values, UNSIGNED, PATH), [[0, 0, 64]])
    signed = np.array([[0, 3, 16384]], np.int16)
    np.testing.assert_array_equal(eight_bits(signed, Samples(15, "i"), PATH), [[0, 0, 128]])


@pytest.mark.parametrize("factor", [1, 257, 1 << 24, 0x01010101])
def test_thirty_two_bits(factor):
    expected = grey_picture()
    values = expected.astype(np.uint32) * np.uint32(factor)
    np.testing.assert_array_equal(eight_bits(values, Samples(32, "u"), PATH), expected)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("white", [1, 255])
@pytest.mark.parametrize("inverted", [False, True])
def test_floating_point(kind, white, inverted):
    expected = grey_picture()
    values = ((255 - expected if inverted else expected) * (white / 255)).astype(kind)
    np.testing.assert_array_equal(eight_bits(values, Samples(32, "f", inverted=inverted), PATH), expected)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0, np.nan], "holds NaN or infinite values"),
        ([0, np.inf], "holds NaN or infinite values"),
        ([-0.5, 1], "holds values from -0.5 to 1: expected 0 to 1 or 0 to 255"),
        ([0, 1.02], "holds values from 0 to 1.02: expected"),
        ([0, 4095], "holds values from 0 to 4095: expected"),
    ],
)
def test_floating_point_of_other_ranges_is_refused(values, words):
    with pytest.raises(PictureError, match=words):
        eight_bits(np.array([values]), Samples(32, "f"), PATH)


def test_values_below_zero_are_refused():
    with pytest.raises(PictureError, match="a.tif' holds values from -1 to 200: expected 0 for black"):
        eight_bits(np.array([[-1, 200]], np.int16), Samples(15, "i"), PATH)
