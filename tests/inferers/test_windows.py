from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from monai_nlseg.inferers import foreground_box, window_starts
from monai_nlseg.inferers.windows import empty_windows, window_corners


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


class TestForegroundBox:
    def test_smallest_box(self):
        image = torch.zeros(6, 7, 8)
        image[1, 2, 3] = -1.0  # a negative voxel is foreground too
        image[4, 2, 5] = 2.0
        assert foreground_box(image) == (slice(1, 5), slice(2, 3), slice(3, 6))

    def test_one_axis(self):
        assert foreground_box(torch.tensor([0.0, 1.0, 0.0])) == (slice(1, 2),)

    def test_nothing(self):
        with pytest.raises(ValueError, match="zero everywhere"):
            foreground_box(torch.zeros(3, 3))


class TestWindowCorners:
    @pytest.mark.parametrize("axis", [0, 1, 2])
    def test_every_window_once_in_the_order_of_an_axis(self, axis):
        shape, roi, step = (9, 7, 12), (4, 3, 5), (3, 3, 2)
        corners = window_corners(shape, roi, step, axis)
        starts = [window_starts(*sizes) for sizes in zip(shape, roi, step)]
        assert sorted(corners) == [(i, j, k) for i in starts[0] for j in starts[1] for k in starts[2]]
        assert [corner[axis] for corner in corners] == sorted(corner[axis] for corner in corners)


class TestEmptyWindows:
    @given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 4))
    def test_equals_looking_at_each_window(self, seed, rows, columns):
        generator = torch.Generator().manual_seed(seed)
        image = torch.randn(2, 9, 8, generator=generator) * (torch.rand(2, 9, 8, generator=generator) < 0.1)
        corners = window_corners((9, 8), (rows, columns), (1, 1))
        looked = {(i, j): not image[:, i : i + rows, j : j + columns].any() for i, j in corners}
        for axis in (0, 1):
            for start in {corner[axis] for corner in corners}:
                layer = [corner for corner in corners if corner[axis] == start]
                assert empty_windows(image, layer, (rows, columns), axis) == [looked[corner] for corner in layer]

    def test_three_axes_and_one(self):
        image = torch.zeros(1, 6, 7, 8)
        image[0, 3, 5, 2] = -1.0
        corners = [(2, 0, 0), (2, 4, 0), (2, 4, 4), (2, 3, 2)]
        assert empty_windows(image, corners, (2, 3, 4), 0) == [True, False, True, False]
        assert empty_windows(torch.tensor([[0.0, 0.0, 1.0, 0.0]]), [(1,)], (2,), 0) == [False]
        assert empty_windows(torch.tensor([[0.0, 0.0, 1.0, 0.0]]), [(0,)], (2,), 0) == [True]
