"""Average of overlapping windows in a buffer one window thick."""

from __future__ import annotations

from collections.abc import Callable

import torch

from monai_nlseg.inferers.boxes import all_channels
from monai_nlseg.inferers.windows import Corner, WindowGrid


class RollingAverage:
    """Weighted average of windows that arrive in the order of a grid's axis.

    Only the planes under the current window are held: once a window begins further on, no later one reaches the
    planes before it, and these are passed on. The average of a volume thus never needs more than
    :meth:`WindowGrid.sums_bytes`, whatever the volume's length.

    Args:
        grid: where the windows stand.
        channels: channels of a window's values.
        importance: weight of each voxel of a window, (*roi), positive.
        receive: called with the planes along the grid's axis (a slice) and their averages (channels, *planes), in order
            and once for each plane; they are valid only during the call.
    """

    def __init__(
        self, grid: WindowGrid, channels: int, importance: torch.Tensor, receive: Callable[[slice, torch.Tensor], None]
    ) -> None:
        self.grid = grid
        self.axis = axis = grid.axis
        self.thickness = grid.roi[axis]
        thin = [*grid.shape[:axis], self.thickness, *grid.shape[axis + 1 :]]
        self.importance = importance
        self.receive = receive
        self.first = 0
        # The last channel sums the weights.
        self.sums = importance.new_zeros((channels + 1, *thin))

    def add(self, corner: Corner, values: torch.Tensor) -> None:
        """Add a window.

        Args:
            corner: its first voxel.
            values: its values, (channels, *roi).
        """
        if corner[self.axis] > self.first:
            self._hand_over(corner[self.axis])
        window = list(self.grid.box(corner))
        window[self.axis] = slice(None)
        sums = self.sums[all_channels(tuple(window))]
        sums[:-1].addcmul_(values, self.importance)
        sums[-1] += self.importance

    def finish(self) -> None:
        """Pass on the last planes, once every window has been added."""
        self._hand_over(self.grid.shape[self.axis])

    def _hand_over(self, until: int) -> None:
        count, thickness, axis = until - self.first, self.thickness, self.axis + 1
        done = self.sums.narrow(axis, 0, count)
        self.receive(slice(self.first, until), done[:-1].div_(done[-1:]))
        kept = self.sums.narrow(axis, count, thickness - count).clone()
        self.sums.narrow(axis, 0, thickness - count).copy_(kept)
        self.sums.narrow(axis, thickness - count, count).zero_()
        self.first = until
