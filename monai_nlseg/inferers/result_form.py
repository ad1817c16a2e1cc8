"""What a windowed inference returns for each voxel: averages or labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

Activation = Literal["softmax", "sigmoid"] | None
Output = Literal["average", "labels"]


@dataclass(frozen=True)
class ResultForm:
    """The form of a result: averages of the network's activated output, or labels made from them.

    Attributes:
        activation: "softmax", "sigmoid" or None; decides what background and labels are.
        output: "average" or "labels".
        dtype: floating dtype of the averages.
    """

    activation: Activation
    output: Output
    dtype: torch.dtype

    def background(self, channels: int, shape: Sequence[int], device: torch.device | str) -> torch.Tensor:
        """Return a result that is background everywhere.

        Args:
            channels: channels of the averages.
            shape: voxels of the image.
            device: where the result is kept.

        Returns:
            (channels, *shape) for averages, uint8 of (1, *shape) for labels and of (channels, *shape) for the labels of
            "sigmoid".

        Raises:
            ValueError: for more classes than labels of uint8 can tell apart.
        """
        if self.output == "labels":
            if self.activation != "sigmoid" and channels > 256:
                raise ValueError(f"{channels} classes do not fit labels of uint8: use output='average'.")
            return torch.zeros((self._label_channels(channels), *shape), dtype=torch.uint8, device=device)
        values = torch.zeros((channels, *shape), dtype=self.dtype, device=device)
        if self.activation == "softmax":
            values[0] = 1.0
        return values

    def of(self, averages: torch.Tensor) -> torch.Tensor:
        """Return what a result holds for averages (channels, *planes).

        Args:
            averages: averages of the network's activated output.
        """
        if self.output == "average":
            return averages
        return averages > 0.5 if self.activation == "sigmoid" else averages.argmax(dim=0, keepdim=True)

    def bytes(self, channels: int, shape: Sequence[int]) -> int:
        """Return the bytes of a result.

        Args:
            channels: channels of the averages.
            shape: voxels of the image.
        """
        if self.output == "labels":
            return self._label_channels(channels) * math.prod(shape)
        return channels * math.prod(shape) * self.dtype.itemsize

    def _label_channels(self, channels: int) -> int:
        return channels if self.activation == "sigmoid" else 1
