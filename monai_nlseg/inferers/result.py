"""The result of a windowed inference, filled plane by plane."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from monai_nlseg.inferers.windows import Box, all_channels

__all__ = ["WindowResult"]


class WindowResult:
    """Averages or labels of a whole image, of which a box is computed and the rest is background.

    Args:
        channels: channels of the averages.
        shape: voxels of the image.
        box: the part of the image that is computed.
        inside: where that part lies in the volume whose planes arrive, which may be padded.
        axis: the axis along which planes arrive.
        activation: "softmax", "sigmoid" or None; decides what background and labels are.
        output: "average" or "labels".
        dtype: dtype of the averages.
        device: device of the result.

    Attributes:
        values: (channels, *shape) for averages, uint8 of (1, *shape) for labels and (channels, *shape) for the labels
            of "sigmoid".
    """

    def __init__(
        self,
        channels: int,
        shape: Sequence[int],
        box: Box,
        inside: Box,
        axis: int,
        activation: str | None,
        output: str,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> None:
        if output == "labels" and activation != "sigmoid" and channels > 256:
            raise ValueError(f"{channels} classes do not fit labels of uint8: use output='average'.")
        self.inside = inside
        self.axis = axis
        self.multilabel = activation == "sigmoid"
        self.labels = output == "labels"
        if self.labels:
            self.values = torch.zeros((channels if self.multilabel else 1, *shape), dtype=torch.uint8, device=device)
        else:
            self.values = torch.zeros((channels, *shape), dtype=dtype, device=device)
            if activation == "softmax":
                self.values[0] = 1.0
        self.box = self.values[all_channels(box)]

    def receive(self, planes: slice, averages: torch.Tensor) -> None:
        """Take the averages (channels, *planes) of these planes of the padded volume.

        Raises:
            ValueError: if one is NaN.
        """
        inside = self.inside[self.axis]
        first, last = max(planes.start, inside.start), min(planes.stop, inside.stop)
        if first >= last:
            return
        crop = list(self.inside)
        crop[self.axis] = slice(first - planes.start, last - planes.start)
        averages = averages[all_channels(tuple(crop))]
        if bool(averages.isnan().any()):
            raise ValueError(
                "the network returned NaN: check its weights, or use float32 or bfloat16 if it runs in float16."
            )
        if self.labels:
            averages = averages > 0.5 if self.multilabel else averages.argmax(dim=0, keepdim=True)
        self.box.narrow(self.axis + 1, first - inside.start, last - first).copy_(averages)
