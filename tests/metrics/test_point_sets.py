from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from monai_nlseg.metrics.point_sets import point_set_distance
from tests.metrics.masks import brute_points, edge, mask_pairs

SPACINGS = st.lists(st.sampled_from([0.3, 0.94, 1.0, 1.5, 6.0]), min_size=3, max_size=3)


def distance(pred, label, spacing, points="all", directed=False):
    masks = torch.from_numpy(pred.copy()), torch.from_numpy(label.copy())
    return point_set_distance(*masks, np.asarray(spacing)[: pred.ndim], points, directed, missing=77.0)


@given(mask_pairs(), SPACINGS, st.sampled_from(["all", "edge"]), st.booleans())
def test_equals_every_point_against_every_point(masks, spacing, points, directed):
    assume(masks[0].any() and masks[1].any())
    sets = [edge(mask) for mask in masks] if points == "edge" else masks
    expected = brute_points(*sets, spacing[: sets[0].ndim], directed)
    assert distance(*masks, spacing, points, directed) == pytest.approx(expected, abs=1e-9)


@given(mask_pairs(), SPACINGS, st.sampled_from(["all", "edge"]))
def test_is_symmetric_and_zero_for_equal_masks(masks, spacing, points):
    pred, label = masks
    assert distance(pred, label, spacing, points) == pytest.approx(distance(label, pred, spacing, points), abs=1e-12)
    assert distance(pred, pred, spacing, points) == 0


@given(mask_pairs(min_dims=3), SPACINGS, st.permutations(range(3)), st.sets(st.sampled_from(range(3))))
def test_axes_may_be_permuted_with_their_spacing_and_flipped(masks, spacing, axes, flipped):
    turned = [np.flip(np.transpose(mask, axes), tuple(flipped)) for mask in masks]
    expected = distance(*masks, spacing)
    assert distance(*turned, [spacing[axis] for axis in axes]) == pytest.approx(expected, abs=1e-9)


@given(mask_pairs(), SPACINGS, st.integers(1, 3))
def test_padding_does_not_show(masks, spacing, width):
    padded = [np.pad(mask, width) for mask in masks]
    assert distance(*padded, spacing, "edge") == pytest.approx(distance(*masks, spacing, "edge"), abs=1e-9)


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize(("pred", "label", "expected"), [(0, 1, 77.0), (1, 0, 77.0), (0, 0, 0.0)])
def test_empty_masks(pred, label, expected, directed):
    masks = [np.full((3, 4), value, dtype=bool) for value in (pred, label)]
    assert distance(*masks, [1, 1], directed=directed) == expected
