from __future__ import annotations

import itertools

import torch
from hypothesis import given
from hypothesis import strategies as st

from monai_nlseg.inferers.sampler import WindowSampler, empty_windows
from monai_nlseg.inferers.windows import WindowGrid


class TestWindowSampler:
    volume = torch.tensor([[1.0, 0, 0, 1, 1, 0, 0, 0]])
    grid = WindowGrid((8,), (1,), (1,))

    def batches(self, size: int, find_empty: bool = True) -> list[list[tuple[int, bool]]]:
        sampler = WindowSampler(self.volume, self.grid, size, find_empty)
        return [[(window.corner[0], window.empty) for window in batch] for batch in sampler]

    def test_empty_windows_keep_their_place_and_do_not_fill_a_batch(self):
        assert self.batches(2) == [
            [(0, False), (1, True), (2, True), (3, False)],
            [(4, False), (5, True), (6, True), (7, True)],
        ]

    def test_all_are_sampled_where_empty_ones_are_not_looked_for(self):
        assert self.batches(3, find_empty=False) == [
            [(0, False), (1, False), (2, False)],
            [(3, False), (4, False), (5, False)],
            [(6, False), (7, False)],
        ]

    def test_windows_are_stacked(self):
        volume = torch.arange(40.0).reshape(2, 4, 5)
        sampler = WindowSampler(volume, WindowGrid((4, 5), (2, 3), (2, 2)), 4, find_empty=False)
        (windows,) = sampler
        expected = [volume[:, row : row + 2, column : column + 3] for row in (0, 2) for column in (0, 2)]
        assert sorted(window.corner for window in windows) == [(0, 0), (0, 2), (2, 0), (2, 2)]
        assert torch.equal(sampler.stack(sorted(windows)), torch.stack(expected))
        assert torch.equal(sampler.zeros(), torch.zeros(1, 2, 2, 3))


class TestEmptyWindows:
    @given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 4))
    def test_equals_looking_at_each_window(self, seed, rows, columns):
        generator = torch.Generator().manual_seed(seed)
        image = torch.randn(2, 9, 8, generator=generator) * (torch.rand(2, 9, 8, generator=generator) < 0.1)
        grid = WindowGrid((9, 8), (rows, columns), (1, 1))
        for layer in grid.layers():
            looked = [not image[:, i : i + rows, j : j + columns].any() for i, j in layer]
            assert empty_windows(image, grid, layer) == looked

    def test_three_axes_and_one(self):
        image = torch.zeros(1, 6, 7, 8)
        image[0, 3, 5, 2] = -1.0
        grid = WindowGrid((6, 7, 8), (2, 3, 4), (1, 1, 1))
        assert grid.axis == 0
        corners = [(2, 0, 0), (2, 4, 0), (2, 4, 4), (2, 3, 2)]
        assert empty_windows(image, grid, corners) == [True, False, True, False]
        line = torch.tensor([[0.0, 0.0, 1.0, 0.0]])
        found = [empty_windows(line, WindowGrid((4,), (2,), (1,)), [(start,)]) for start in range(3)]
        assert list(itertools.chain.from_iterable(found)) == [True, False, False]
