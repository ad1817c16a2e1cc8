from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from monai_nlseg.io.run_length import decode_runs, encode_runs

KAGGLE = (420, 580)


def golden() -> np.ndarray:
    mask = np.zeros(KAGGLE, dtype=np.uint8)
    mask[[0, 419, 0], [0, 0, 1]] = 1
    mask[10:13, 100] = 1
    return mask


GOLDENS = [(golden(), "1 1 420 2 42011 3"), (np.ones(KAGGLE), "1 243600"), (np.zeros(KAGGLE), "")]


@pytest.mark.parametrize(("mask", "code"), GOLDENS)
def test_goldens(mask, code):
    assert encode_runs(mask) == code
    decoded = decode_runs(code, KAGGLE)
    assert decoded.dtype == np.uint8 and np.array_equal(decoded, mask)


@settings(max_examples=200, deadline=None)
@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_round_trip(mask):
    assert np.array_equal(decode_runs(encode_runs(mask), mask.shape), mask)


@settings(max_examples=100, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 8), st.integers(1, 8))))
def test_equals_the_definition(mask):
    """Pixel by pixel, down the columns."""
    pixels = [bool(mask[row, column]) for column in range(mask.shape[1]) for row in range(mask.shape[0])]
    runs: list[list[int]] = []
    for number, pixel in enumerate(pixels, 1):
        if pixel and runs and sum(runs[-1]) == number:
            runs[-1][1] += 1
        elif pixel:
            runs.append([number, 1])
    assert encode_runs(mask) == " ".join(f"{start} {length}" for start, length in runs)


@pytest.mark.parametrize("code", ["1 1 2 3", " 1 4\n", "1\t2 3  2"])
def test_touching_runs_and_other_spaces(code):
    assert decode_runs(code, (2, 3)).ravel(order="F").tolist() == [1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int32, np.float32])
def test_dtypes(kind):
    assert encode_runs(golden().astype(kind)) == "1 1 420 2 42011 3"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("1 2 3", "has 3 numbers: expected pairs"),
        ("1 x", "'1 x' is not a list of numbers"),
        ("1.5 2", "is not a list of numbers"),
        ("-1 2", "is not a list of numbers"),
        ("1 99999999999999999999", "is not a list of numbers"),
        ("nan", "is not a list of numbers"),
        (float("nan"), "code is nan, not text: pandas reads an empty mask as NaN"),
        ("0 2", "start or length of 0"),
        ("3 0", "start or length of 0"),
        ("5 2 1 2", "run '1 2' .* starts before the end of the one before it, pixel 6"),
        ("1 3 3 2", "run '3 2' .* pixel 3"),
        ("5 1 5 1", "starts before the end"),
        ("11 3", "goes to pixel 13, an image of 3 x 4 has 12"),
        ("100 1", "goes to pixel 100"),
        ("999999999999999999 999999999999999999", "goes to pixel 1999999999999999997"),
        ("1 1 " * 30 + "7", r"'.{40}\.\.\.' has 61 numbers"),
    ],
)
def test_corrupt_codes(code, message):
    with pytest.raises(ValueError, match=message) as error:
        decode_runs(code, (3, 4))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("shape", [(3,), (3, 0), (1, 2, 3), (-1, 3)])
def test_ill_shapes(shape):
    with pytest.raises(ValueError, match="is not the size of an image"):
        decode_runs("", shape)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros(3), "has shape"),
        (np.zeros((0, 3)), "has shape"),
        (np.zeros((1, 2, 3)), "has shape"),
        (np.array([[0, 255]]), "holds 255: expected only 0 and 1"),
        (np.array([[0.5, 1]]), "holds 0.5"),
        (np.array([[np.nan, 1]]), "holds nan"),
    ],
)
def test_ill_masks(mask, message):
    with pytest.raises(ValueError, match=message):
        encode_runs(mask)
