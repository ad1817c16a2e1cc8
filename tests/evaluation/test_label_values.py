from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from monai_nlseg.evaluation.label_values import check_labels, whole_numbers

FILE = Path("a.nii")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_near_whole_numbers_are_rounded(dtype):
    found = whole_numbers(np.array([0.99999994, 2.0000002, -1e-9, 2034.9998], dtype), FILE)
    assert found.dtype == np.int32 and found.tolist() == [1, 2, 0, 2035]


def test_a_slope_may_move_values_by_half_of_it():
    # 0 to 4 in 8 bits, scaled to the whole range: 64, 128 and 191 stand for 1, 2 and 3.
    stored = np.array([0, 64, 128, 191, 255]) * (4 / 255)
    assert whole_numbers(stored, FILE, slope=4 / 255).tolist() == [0, 1, 2, 3, 4]
    for slope in (1.0, 4.0):
        with pytest.raises(ValueError, match="values that are not whole numbers, such as 1.004"):
            whole_numbers(stored, FILE, slope=slope)


@pytest.mark.parametrize("slope", [1.0, 1 / 255, 0.1])
def test_probabilities_are_refused(slope):
    with pytest.raises(ValueError, match="a.nii' holds values that are not whole numbers, .*not probabilities"):
        whole_numbers(np.arange(11) / 10, FILE, slope)


def test_integers_keep_their_type():
    values = np.array([0, 3], np.uint16)
    assert whole_numbers(values, FILE) is values
    assert whole_numbers(np.array([True, False]), FILE).tolist() == [1, 0]
    with pytest.raises(ValueError, match="holds complex128 values"):
        whole_numbers(np.array([1j]), FILE)


def test_many_labels_fill_regions():
    check_labels(np.kron(np.arange(100).reshape(10, 10), np.ones((3, 3), int)), FILE)
    check_labels(np.arange(12).reshape(4, 3), FILE)  # few values may lie as they like


def test_intensities_and_probabilities_in_8_bits_do_not():
    rows, columns = np.mgrid[:80, :80]
    mask = (rows - 40) ** 2 + (columns - 35) ** 2 < 500
    probabilities = np.rint(255 / (1 + np.exp(6 - 12 * gaussian_filter(mask.astype(float), 3)))).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 300, (20, 20, 20))
    for values in (probabilities, noise):
        with pytest.raises(ValueError, match=r"a.nii' holds \d+ different values that fill no regions, as intensities"):
            check_labels(values, FILE)
