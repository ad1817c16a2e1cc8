from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from monai_nlseg.transforms import standardize_windows


@given(arrays(np.float32, (2, 2, 3, 4, 5), elements=st.floats(-1000, 1000, width=32)))
def test_equals_the_formula(values):
    result = standardize_windows(torch.from_numpy(values)).numpy()
    for window in range(2):
        for channel in range(2):
            x = values[window, channel].astype(np.float64)
            expected = (x - x.mean()) / max(x.std(), 1 / np.sqrt(x.size))
            np.testing.assert_allclose(result[window, channel], expected, rtol=1e-3, atol=2e-2)


def test_floor_of_the_published_window():
    window = torch.zeros(1, 1, 32, 32, 32)
    window[0, 0, 0, 0, 0] = 0.5  # population std 0.0027621, below the floor 1 / sqrt(32768)
    result = standardize_windows(window)
    assert result.max().item() == pytest.approx((0.5 - 0.5 / 32768) / 0.0055242717, rel=1e-6)


def test_constant_window_is_zero():
    assert not standardize_windows(torch.full((1, 2, 4, 4), 7.0)).any()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (torch.uint8, torch.float32),
        (torch.int64, torch.float32),
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_result_is_float32_at_least(given, expected):
    result = standardize_windows((torch.arange(16) * 4).reshape(1, 1, 4, 4).to(given))
    assert result.dtype == expected
    torch.testing.assert_close(result.std(correction=0), torch.ones((), dtype=expected))
