"""Windows of a volume, in batches for a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch

from monai_nlseg.inferers.boxes import all_channels
from monai_nlseg.inferers.windows import Corner, WindowGrid


class Window(NamedTuple):
    """A window of a volume.

    Attributes:
        corner: its first voxel.
        empty: whether it is known to be zero throughout, so that it need not be sampled.
    """

    corner: Corner
    empty: bool


class WindowSampler:
    """All windows of a volume in batches, each with at most ``batch_size`` windows that are not empty.

    Windows come in the order of the grid; empty ones do not count towards the size of their batch.

    Args:
        volume: (C, *shape of the grid).
        grid: where the windows stand.
        batch_size: most windows in one pass through the network.
        find_empty: whether to look for windows of zeros; otherwise no window counts as empty.
    """

    def __init__(self, volume: torch.Tensor, grid: WindowGrid, batch_size: int, find_empty: bool) -> None:
        self.volume = volume
        self.grid = grid
        self.batch_size = batch_size
        self.find_empty = find_empty

    def __iter__(self) -> Iterator[list[Window]]:
        batch: list[Window] = []
        filled = 0
        for corners in self.grid.layers():
            empty = empty_windows(self.volume, self.grid, corners) if self.find_empty else [False] * len(corners)
            for window in map(Window, corners, empty):
                batch.append(window)
                filled += not window.empty
                if 0 < filled < self.batch_size:
                    continue
                yield batch
                batch, filled = [], 0
        if batch:
            yield batch

    def stack(self, windows: Sequence[Window]) -> torch.Tensor:
        """Return the voxels of some windows, (N, C, *roi).

        Args:
            windows: N windows, at least one.
        """
        return torch.stack([self.volume[all_channels(self.grid.box(window.corner))] for window in windows])

    def zeros(self) -> torch.Tensor:
        """Return the voxels of an empty window, (1, C, *roi)."""
        return self.volume.new_zeros((1, len(self.volume), *self.grid.roi))


def empty_windows(volume: torch.Tensor, grid: WindowGrid, corners: Sequence[Corner]) -> list[bool]:
    """Return for each window whether every channel of a volume is zero throughout it.

    Args:
        volume: (C, *shape of the grid).
        grid: where the windows stand.
        corners: first voxels of windows of one layer, see :meth:`WindowGrid.layers`.
    """
    roi, axis = grid.roi, grid.axis
    layer = volume.narrow(axis + 1, corners[0][axis], roi[axis])
    # Sums over windows from running sums along each axis, so that the cost does not grow with the overlap.
    occupied = layer.any(dim=axis + 1).any(dim=0).to(torch.int32)
    across = [other for other in range(len(roi)) if other != axis]
    for position, other in enumerate(across):
        size = roi[other]
        running = torch.zeros_like(occupied.narrow(position, 0, 1))
        running = torch.cat([running, occupied.cumsum(position, dtype=torch.int32)], dim=position)
        length = occupied.shape[position] - size + 1
        occupied = running.narrow(position, size, length) - running.narrow(position, 0, length)
    index = torch.tensor([[corner[other] for other in across] for corner in corners], device=volume.device)
    return (occupied[tuple(index.T)] == 0).flatten().tolist() if across else [not bool(occupied)] * len(corners)
