"""Overlapping windows in the slices of a volume, for a network of slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from monai.utils import ensure_tuple_rep

from monai_nlseg.inferers.step_window import Network, StepWindowInferer
from monai_nlseg.inferers.windows import Sizes

__all__ = ["StepSliceInferer"]


class StepSliceInferer(StepWindowInferer):
    """Infer a volume slice by slice with a 2D network: a :class:`StepWindowInferer` of windows one slice thick.

    A batch holds windows of several slices. With ``output="labels"`` no more than a slice of averages is in memory,
    where :class:`monai.inferers.SliceInferer` holds them, and how often each voxel was computed, for the volume.

    Args:
        roi_size: pixels of a window in the slice, one number or two; None or a number below 1 for the slice's size. A
            slice that is smaller is padded with zeros.
        step: pixels from one window to the next, likewise; 1 to ``roi_size``.
        spatial_dim: the axis along which the slices are stacked, 0, 1 or 2.
        kwargs: arguments of :class:`StepWindowInferer`, to which "sw_batch_size" is a number of windows.

    Call: as :class:`StepWindowInferer`, with a volume (B, C, W, H, D) and a network that maps (N, C, *roi_size) to
    (N, classes, *roi_size).

    Raises:
        ValueError: for another ``spatial_dim``, sizes for other than two axes, and as :class:`StepWindowInferer`.

    Examples::

        >>> import torch
        >>> inferer = StepSliceInferer(roi_size=32, step=16, activation="sigmoid", foreground_only=False)
        >>> inferer(torch.ones(1, 1, 40, 36, 20), torch.nn.Conv2d(1, 1, 1)).shape
        torch.Size([1, 1, 40, 36, 20])
    """

    def __init__(self, roi_size: Sizes, step: int | Sequence[int], spatial_dim: int = 2, **kwargs: Any) -> None:
        if spatial_dim not in (0, 1, 2):
            raise ValueError(f"spatial_dim {spatial_dim!r} is no axis of a volume: give 0, 1 or 2.")
        roi_size, step = (
            [*size[:spatial_dim], 1, *size[spatial_dim:]]
            for size in (ensure_tuple_rep(roi_size, 2), ensure_tuple_rep(step, 2))
        )
        super().__init__(roi_size, step, **kwargs)
        self.spatial_dim = spatial_dim

    def predict(self, windows: torch.Tensor, network: Network, *args: Any, **kwargs: Any) -> list[torch.Tensor]:
        """As of :class:`StepWindowInferer`, windows and results being (N, C, *roi) with one slice each."""
        axis = self.spatial_dim + 2
        outputs = super().predict(windows.squeeze(axis), network, *args, **kwargs)
        return [output.unsqueeze(axis) for output in outputs]
