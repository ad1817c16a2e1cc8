from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monai_nlseg.inferers import window_starts
from monai_nlseg.inferers.windows import WindowGrid


class TestWindowStarts:
    @pytest.mark.parametrize(("step", "count"), [(4, 11880), (8, 1920), (16, 378), (32, 80)])
    def test_published_counts(self, step, count):
        """The paper prints 387 for step 16, which no volume can give; 378 is what its code places."""
        assert math.prod(len(window_starts(length, 32, step)) for length in (116, 148, 100)) == count

    @pytest.mark.parametrize("lengths", [(113, 145, 97), (116, 148, 100)])
    def test_published_counts_hold_for_the_class_of_sizes(self, lengths):
        counts = [math.prod(len(window_starts(length, 32, step)) for length in lengths) for step in (4, 8, 16, 32)]
        assert counts == [11880, 1920, 378, 80]

    @given(st.integers(1, 40), st.integers(0, 60), st.data())
    def test_covers_the_axis_and_ends_flush(self, roi, extra, data):
        step = data.draw(st.integers(1, roi))
        length = roi + extra
        starts = window_starts(length, roi, step)
        assert starts[0] == 0 and starts[-1] == length - roi
        assert starts == sorted(set(starts))
        assert all(second - first <= step for first, second in zip(starts, starts[1:]))
        assert len(starts) == math.ceil((length - roi) / step) + 1

    @pytest.mark.parametrize(
        ("arguments", "words"), [((31, 32, 8), "shorter than the window"), ((40, 32, 0), "step"), ((40, 8, 9), "step")]
    )
    def test_refuses(self, arguments, words):
        with pytest.raises(ValueError, match=words):
            window_starts(*arguments)


class TestWindowGrid:
    @pytest.mark.parametrize(
        ("shape", "roi", "axis"), [((16, 7, 12), (4, 3, 5), 0), ((9, 9, 12), (4, 3, 5), 1), ((9, 7, 25), (4, 3, 5), 2)]
    )
    def test_every_window_once_in_the_order_of_its_axis(self, shape, roi, axis):
        grid = WindowGrid(shape, roi, (3, 3, 2))
        assert grid.axis == axis
        layers = list(grid.layers())
        assert all(len({corner[axis] for corner in layer}) == 1 for layer in layers)
        corners = list(itertools.chain.from_iterable(layers))
        starts = [window_starts(*sizes) for sizes in zip(shape, roi, (3, 3, 2))]
        assert sorted(corners) == list(itertools.product(*starts))
        assert [corner[axis] for corner in corners] == sorted(corner[axis] for corner in corners)
        assert grid.count == len(corners)

    def test_the_axis_is_the_one_that_needs_least_memory(self):
        assert WindowGrid((96, 32, 40), (16, 16, 16), (8, 8, 8)).axis == 0
        assert WindowGrid((30, 32, 40), (16, 16, 4), (8, 8, 4)).axis == 2

    def test_an_image_that_is_smaller_than_its_windows_is_padded(self):
        assert WindowGrid.covering((5, 40, 9), 16, 8) == WindowGrid((16, 40, 16), (16, 16, 16), (8, 8, 8))

    def test_the_box_of_a_window(self):
        assert WindowGrid((9, 7), (4, 3), (1, 1)).box((2, 1)) == (slice(2, 6), slice(1, 4))

    def test_bytes_of_a_buffer_one_window_thick(self):
        """Two channels and the weights in float32, and the copy of the 12 planes that are kept."""
        grid = WindowGrid((96, 32, 40), (16, 16, 16), (4, 8, 8))
        assert grid.sums_bytes(2) == 4 * 3 * 32 * 40 * (16 + 12)
