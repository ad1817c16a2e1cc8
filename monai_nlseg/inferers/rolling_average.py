"""Average of overlapping windows in a buffer one window thick."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import torch

from monai_nlseg.inferers.windows import all_channels, window_starts

__all__ = ["RollingAverage", "rolling_axis", "rolling_bytes"]


class RollingAverage:
    """Weighted average of windows that arrive in the order of one axis.

    Only the planes under the current window are held: once a window begins further on, no later one reaches the
    planes before it, and these are handed over. The average of a volume thus never needs more than
    :func:`rolling_bytes` of float32, whatever the volume's length.

    Args:
        shape: voxels of the volume.
        roi: voxels of a window.
        axis: the axis along which the starts of the windows never decrease.
        channels: channels of a window's values.
        importance: weight of each voxel of a window, (*roi), positive.
        receive: called with the planes along ``axis`` (a slice) and their averages (channels, *planes), in order and
            once for each plane; they are only lent, for the time of the call.
    """

    def __init__(
        self,
        shape: Sequence[int],
        roi: Sequence[int],
        axis: int,
        channels: int,
        importance: torch.Tensor,
        receive: Callable[[slice, torch.Tensor], None],
    ) -> None:
        thin = [*shape[:axis], roi[axis], *shape[axis + 1 :]]
        self.roi = tuple(roi)
        self.axis = axis
        self.length = shape[axis]
        self.importance = importance
        self.receive = receive
        self.first = 0
        # The last channel sums the weights.
        self.sums = importance.new_zeros((channels + 1, *thin))

    def add(self, corner: tuple[int, ...], values: torch.Tensor) -> None:
        """Add a window's values (channels, *roi) whose first voxel is ``corner``."""
        if corner[self.axis] > self.first:
            self._hand_over(corner[self.axis])
        window = [slice(start, start + size) for start, size in zip(corner, self.roi)]
        window[self.axis] = slice(None)
        sums = self.sums[all_channels(tuple(window))]
        sums[:-1].addcmul_(values, self.importance)
        sums[-1] += self.importance

    def finish(self) -> None:
        """Hand over what is left, once every window has been added."""
        self._hand_over(self.length)

    def _hand_over(self, until: int) -> None:
        count, thickness, axis = until - self.first, self.roi[self.axis], self.axis + 1
        done = self.sums.narrow(axis, 0, count)
        self.receive(slice(self.first, until), done[:-1].div_(done[-1:]))
        kept = self.sums.narrow(axis, count, thickness - count).clone()
        self.sums.narrow(axis, 0, thickness - count).copy_(kept)
        self.sums.narrow(axis, thickness - count, count).zero_()
        self.first = until


def rolling_axis(shape: Sequence[int], roi: Sequence[int]) -> int:
    """The axis along which the buffer is smallest."""
    return min(range(len(shape)), key=lambda axis: roi[axis] / shape[axis])


def rolling_bytes(shape: Sequence[int], roi: Sequence[int], step: Sequence[int], channels: int) -> int:
    """Most bytes that averaging ``channels`` over a volume of ``shape`` takes at a time.

    The buffer of float32 and beside it either the copy of what is kept when it moves on, or what is made of the planes
    handed over on the way to labels (8 bytes a voxel for an argmax).
    """
    axis = rolling_axis(shape, roi)
    plane = math.prod(shape) // shape[axis]
    starts = window_starts(shape[axis], roi[axis], step[axis])
    kept = max((roi[axis] - (second - first) for first, second in itertools.pairwise(starts)), default=0)
    buffer = 4 * (channels + 1) * plane
    return buffer * roi[axis] + max(buffer * kept, max(8, channels) * plane * roi[axis])
