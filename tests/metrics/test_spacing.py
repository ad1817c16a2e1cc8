from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from monai_nlseg.metrics.spacing import voxel_edges


@pytest.mark.parametrize(
    ("spacing", "rows"),
    [
        (None, [[1, 1, 1], [1, 1, 1]]),
        (2, [[2, 2, 2], [2, 2, 2]]),
        ((1, 0.5, 3), [[1, 0.5, 3], [1, 0.5, 3]]),
        (np.array([[1, 0.5, 3], [2, 1, 0.7]]), [[1, 0.5, 3], [2, 1, 0.7]]),
        (torch.tensor([1.0, 0.5, 3.0]), [[1, 0.5, 3], [1, 0.5, 3]]),
    ],
)
def test_a_row_for_each_case(spacing, rows):
    assert voxel_edges(spacing, 2, 3).tolist() == rows


@pytest.mark.parametrize(
    "spacing", [0.0, -1, math.nan, math.inf, [1, 2], [1, 0, 2], [[1, 1, 1]] * 3, [[1, 1], [1, 1, 1]], "1mm", {}]
)
def test_refuses_what_is_no_length(spacing):
    with pytest.raises(ValueError, match="expected a positive number, 3 of them or a row of 3 for each of 2 cases: "):
        voxel_edges(spacing, 2, 3)
