"""Positions of overlapping windows in a volume."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monai.utils import ensure_tuple_rep

from monai_nlseg.inferers.boxes import Box

Corner = tuple[int, ...]
Sizes = int | None | Sequence[int | None]


@dataclass(frozen=True)
class WindowGrid:
    """Overlapping windows that cover a volume.

    Attributes:
        shape: voxels of the volume, at least ``roi`` along each axis.
        roi: voxels of a window.
        step: voxels from one window to the next.

    Examples::

        >>> grid = WindowGrid.covering((40, 36), roi_size=(48, -1), step=8)
        >>> grid
        WindowGrid(shape=(48, 36), roi=(48, 36), step=(8, 36))
        >>> list(grid.layers())
        [[(0, 0)]]
    """

    shape: tuple[int, ...]
    roi: tuple[int, ...]
    step: tuple[int, ...]

    @classmethod
    def covering(cls, shape: Sequence[int], roi_size: Sizes, step: int | Sequence[int]) -> WindowGrid:
        """Return the grid that covers an image, whose volume is padded where the image is smaller than a window.

        Args:
            shape: voxels of the image.
            roi_size: voxels of a window; None or not positive for the whole axis, whose step is then ignored.
            step: voxels from one window to the next.

        Raises:
            ValueError: for a number of sizes other than that of the axes.
        """
        whole = undivided(roi_size, len(shape))
        sizes = zip(whole, shape, ensure_tuple_rep(roi_size, len(shape)), ensure_tuple_rep(step, len(shape)))
        pairs = [(length, length) if all_of_it else (roi, stride) for all_of_it, length, roi, stride in sizes]
        roi, steps = zip(*pairs)
        return cls(tuple(map(max, shape, roi)), roi, steps)

    @property
    def axis(self) -> int:
        """Return the axis by which windows are ordered: the one along which a buffer one window thick is smallest."""
        return min(range(len(self.shape)), key=lambda axis: self.roi[axis] / self.shape[axis])

    @property
    def count(self) -> int:
        """Return the number of windows.

        Raises:
            ValueError: for a step that is not within 1 to the window's length.
        """
        return math.prod(map(window_count, self.shape, self.roi, self.step))

    def starts(self, axis: int) -> list[int]:
        """Return the first voxels of the windows along one axis, see :func:`window_starts`.

        Args:
            axis: the axis, 0 for the first spatial one.
        """
        return window_starts(self.shape[axis], self.roi[axis], self.step[axis])

    def layers(self) -> Iterator[list[Corner]]:
        """Yield the first voxels of all windows, those that start at the same plane of ``axis`` together."""
        starts = [self.starts(axis) for axis in range(len(self.shape))]
        for start in starts[self.axis]:
            yield list(itertools.product(*starts[: self.axis], [start], *starts[self.axis + 1 :]))

    def box(self, corner: Corner) -> Box:
        """Return the box of a window.

        Args:
            corner: the window's first voxel.
        """
        return tuple(slice(start, start + size) for start, size in zip(corner, self.roi))

    def sums_bytes(self, channels: int) -> int:
        """Return the most bytes that averaging takes at a time, in a buffer as thick as one window.

        They are those of the float32 buffer and of the larger of two temporary tensors: the copy of the planes that
        stay in the buffer when it moves on, and the finished planes on their way to labels (8 bytes for each voxel of
        an argmax).

        Args:
            channels: channels of the values that are averaged.
        """
        thickness, starts = self.roi[self.axis], self.starts(self.axis)
        plane = math.prod(self.shape) // self.shape[self.axis]
        kept = max((thickness - (second - first) for first, second in itertools.pairwise(starts)), default=0)
        buffer = 4 * (channels + 1) * plane
        return buffer * thickness + max(buffer * kept, max(8, channels) * plane * thickness)


def undivided(roi_size: Sizes, axes: int) -> tuple[bool, ...]:
    """Return for each axis whether one window covers it: as in MONAI, where the window's size is None or not positive.

    Args:
        roi_size: voxels of a window, one number for all axes or one for each axis.
        axes: number of spatial axes.

    Raises:
        ValueError: for a number of sizes other than that of the axes.
    """
    return tuple(size is None or size < 1 for size in ensure_tuple_rep(roi_size, axes))


def window_starts(length: int, roi: int, step: int) -> list[int]:
    """Return the first voxels of the windows along one axis: every ``step`` voxels, the last flush with the end.

    There are ``ceil((length - roi) / step) + 1`` of them.

    Args:
        length: voxels along the axis, at least ``roi``.
        roi: voxels of a window along the axis.
        step: voxels from one window to the next, 1 to ``roi``.

    Raises:
        ValueError: for a length below the window or a step that is not within 1 to ``roi``.

    Source: Non-local U-Nets, section "Inference"; the placement of the last window is the published code's.

    Examples::

        >>> window_starts(100, 32, 16)
        [0, 16, 32, 48, 64, 68]
    """
    count = window_count(length, roi, step)
    return [min(number * step, length - roi) for number in range(count)]


def window_count(length: int, roi: int, step: int) -> int:
    """Return the number of :func:`window_starts` without listing them.

    Args:
        length: voxels along the axis, at least ``roi``.
        roi: voxels of a window along the axis.
        step: voxels from one window to the next, 1 to ``roi``.

    Raises:
        ValueError: for a length below the window or a step that is not within 1 to ``roi``.
    """
    if length < roi:
        raise ValueError(f"an axis of {length} voxels is shorter than the window of {roi}: pad it to {roi}.")
    if not 1 <= step <= roi:
        raise ValueError(f"step {step} does not fit a window of {roi}: give 1 to {roi}, so that no voxel is left out.")
    return (length - roi + step - 1) // step + 1
