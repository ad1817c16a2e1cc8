"""Overlapping windows in the slices of a volume, for a 2D network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from monai.utils import ensure_tuple_rep

from monai_nlseg.inferers.step_window import Network, StepWindowInferer
from monai_nlseg.inferers.windows import Sizes


class StepSliceInferer(StepWindowInferer):
    """Infer a volume slice by slice with a 2D network: a :class:`StepWindowInferer` of windows one slice thick.

    A batch holds windows of several slices. With ``output="labels"`` only one slice of averages is in memory;
    :class:`monai.inferers.SliceInferer` keeps the averages and the counts of the whole volume.

    Args:
        roi_size: pixels of a window in the slice, one number or two; None or a number below 1 for the slice's size. A
            slice that is smaller is padded with zeros.
        step: pixels from one window to the next, likewise; 1 to ``roi_size``.
        spatial_dim: the axis along which the slices are stacked, 0, 1 or 2.
        kwargs: arguments of :class:`StepWindowInferer`, of which "sw_batch_size" counts windows, not slices.

    Call: as :class:`StepWindowInferer`, with a volume (B, C, W, H, D) and a network that maps (N, C, *roi_size) to
    (N, classes, *roi_size).

    Raises:
        ValueError: for another ``spatial_dim``, sizes for any number of axes but two, and as
            :class:`StepWindowInferer`.

    Examples::

        >>> import torch
        >>> inferer = StepSliceInferer(roi_size=32, step=16, activation="sigmoid", foreground_only=False)
        >>> inferer(torch.ones(1, 1, 40, 36, 20), torch.nn.Conv2d(1, 1, 1)).shape
        torch.Size([1, 1, 40, 36, 20])
    """

    def __init__(self, roi_size: Sizes, step: int | Sequence[int], spatial_dim: int = 2, **kwargs: Any) -> None:
        if spatial_dim not in (0, 1, 2):
            raise ValueError(f"spatial_dim {spatial_dim!r} is not an axis of a volume: give 0, 1 or 2.")
        roi_size, step = (
            [*size[:spatial_dim], 1, *size[spatial_dim:]]
            for size in (ensure_tuple_rep(roi_size, 2), ensure_tuple_rep(step, 2))
        )
        super().__init__(roi_size, step, **kwargs)
        self.spatial_dim = spatial_dim

    def predict(self, windows: torch.Tensor, network: Network, *args: Any, **kwargs: Any) -> list[torch.Tensor]:
        """Return each tensor of the network's output as :meth:`StepWindowInferer.predict` does.

        Args:
            windows: (N, C, *roi), one slice each.
            network: the 2D network.
            args: further arguments of the network.
            kwargs: further named arguments of the network.

        Returns:
            Tensors (N, classes, *roi), one slice each.

        Raises:
            ValueError: as :meth:`StepWindowInferer.predict` does.
        """
        axis = self.spatial_dim + 2
        outputs = super().predict(windows.squeeze(axis), network, *args, **kwargs)
        return [output.unsqueeze(axis) for output in outputs]
