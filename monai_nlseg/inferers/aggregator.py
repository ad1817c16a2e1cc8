"""The result of a windowed inference, filled plane by plane."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from monai_nlseg.inferers.boxes import Region, all_channels
from monai_nlseg.inferers.result_form import ResultForm
from monai_nlseg.inferers.rolling_average import RollingAverage
from monai_nlseg.inferers.windows import Corner, WindowGrid


class WindowAggregator:
    """Averages or labels of a whole image, made from the network's outputs for its windows.

    Args:
        grid: where the windows stand.
        region: the part of the image that they cover.
        form: what is returned for each voxel.
        importance: weight of each voxel of a window, (*roi), positive, on the device of the outputs.
        device: device of the result.
    """

    def __init__(
        self, grid: WindowGrid, region: Region, form: ResultForm, importance: torch.Tensor, device: torch.device | str
    ) -> None:
        self.grid = grid
        self.region = region
        self.form = form
        self.importance = importance
        self.device = device
        self._results: list[torch.Tensor] = []
        self._sums: list[RollingAverage] = []

    def add(self, corner: Corner, outputs: Sequence[torch.Tensor]) -> None:
        """Add the outputs for a window; windows are added in the order of the grid.

        Args:
            corner: the window's first voxel.
            outputs: the tensors that the network returns for it, each (channels, *roi), float32.

        Raises:
            ValueError: if an average is NaN, or there are too many classes for labels.
        """
        if not self._sums:
            counts = [len(output) for output in outputs]
            self._results = [self.form.background(count, self.region.shape, self.device) for count in counts]
            self._sums = [
                RollingAverage(self.grid, count, self.importance, partial(self._write, result))
                for count, result in zip(counts, self._results)
            ]
        for sums, output in zip(self._sums, outputs):
            sums.add(corner, output)

    def results(self) -> list[torch.Tensor]:
        """Return the result for each tensor that the network returns, once every window has been added.

        Raises:
            ValueError: if an average is NaN.
        """
        for sums in self._sums:
            sums.finish()
        return self._results

    def _write(self, result: torch.Tensor, planes: slice, averages: torch.Tensor) -> None:
        """Write the averages (channels, *planes) of some planes of the padded volume into the result."""
        axis = self.grid.axis
        inside = self.region.inside[axis]
        first, last = max(planes.start, inside.start), min(planes.stop, inside.stop)
        if first >= last:
            return
        crop = list(self.region.inside)
        crop[axis] = slice(first - planes.start, last - planes.start)
        averages = averages[all_channels(tuple(crop))]
        if bool(averages.isnan().any()):
            raise ValueError(
                "the network returned NaN: check its weights, or use float32 or bfloat16 if it runs in float16."
            )
        target = result[all_channels(self.region.box)].narrow(axis + 1, first - inside.start, last - first)
        target.copy_(self.form.of(averages))
