from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from monai_nlseg.training.fitting.components import Components, choose_components


def map_of(*boxes: tuple[int, int, int]) -> np.ndarray:
    """A mask (32, 32) with squares (row, column, side)."""
    mask = np.zeros((32, 32), bool)
    for row, column, side in boxes:
        mask[row : row + side, column : column + side] = True
    return mask


def dice(predicted: np.ndarray, label: np.ndarray) -> float:
    return 2 * (predicted & label).sum() / (predicted.sum() + label.sum())


def test_dice_is_that_of_the_mask_that_the_rule_leaves():
    predicted, label = map_of((2, 2, 10), (20, 20, 4), (28, 2, 1)), map_of((3, 3, 10))
    found = Components.of(predicted, label)
    assert found.dice() == pytest.approx(dice(predicted, label))
    assert found.dice(largest=True) == pytest.approx(dice(map_of((2, 2, 10)), label))
    assert found.dice(smallest=0.03) == pytest.approx(dice(map_of((2, 2, 10), (20, 20, 4)), label))


def test_components_that_touch_at_a_corner_are_one():
    assert len(Components.of(map_of((0, 0, 4), (4, 4, 4)), map_of()).voxels) == 1


def test_empty_maps():
    assert Components.of(map_of(), map_of()).dice(largest=True) == 1  # as nlseg evaluate
    assert Components.of(map_of(), map_of((0, 0, 4))).dice(largest=True) == 0
    assert Components.of(map_of((0, 0, 4)), map_of()).dice(smallest=0.1) == 0


def test_components_are_removed_only_where_that_gains():
    label = map_of((2, 2, 10))
    speckled = Components.of(map_of((2, 2, 10), (20, 20, 1), (25, 20, 1)), label)
    clean = Components.of(label, label)
    two = map_of((2, 2, 10), (20, 20, 8))
    chosen = choose_components([[speckled, clean], [Components.of(two, two), clean]])
    assert chosen.largest == (1,) and chosen.smallest == 0
    before = dice(map_of((2, 2, 10), (20, 20, 1), (25, 20, 1)), label)
    assert chosen.after == 1 and chosen.before == pytest.approx((before + 3) / 4)


def test_small_components_where_the_largest_alone_would_lose():
    two = map_of((2, 2, 10), (20, 20, 8))
    chosen = choose_components([[Components.of(two | map_of((0, 30, 1)), two)]])
    assert (chosen.largest, chosen.smallest, chosen.after) == ((), 0.01, 1)


def test_without_any_case_nothing_is_removed():
    chosen = choose_components([[Components.of(map_of(), map_of())]])
    assert (chosen.largest, chosen.smallest) == ((), 0.0)


def test_random_masks_agree_with_a_plain_count():
    random = np.random.default_rng(0)
    for _ in range(5):
        predicted, label = random.random((2, 12, 12, 6)) > 0.9
        numbers, _ = ndimage.label(predicted, np.ones((3, 3, 3)))
        largest = numbers == np.bincount(numbers[numbers > 0]).argmax()
        assert Components.of(predicted, label).dice(largest=True) == pytest.approx(dice(largest, label))
