"""Overlapping-window inference with a step in voxels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from monai.data import MetaTensor
from monai.inferers import Inferer
from monai.utils import convert_to_dst_type, ensure_tuple_rep
from tqdm import tqdm

from monai_nlseg.transforms import standardize_windows

__all__ = ["StepWindowInferer", "foreground_box", "window_starts"]


def window_starts(length: int, roi: int, step: int) -> list[int]:
    """First voxels of the windows along one axis: every ``step`` voxels, the last window flush with the end.

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
    if length < roi:
        raise ValueError(f"an axis of {length} voxels is shorter than the window of {roi}: pad it to {roi}.")
    if not 1 <= step <= roi:
        raise ValueError(f"step {step} does not fit a window of {roi}: give 1 to {roi}, so that no voxel is left out.")
    starts = list(range(0, length - roi + 1, step))
    if starts[-1] != length - roi:
        starts.append(length - roi)
    return starts


def foreground_box(image: torch.Tensor) -> tuple[slice, ...]:
    """Smallest box outside which ``image`` is zero.

    Args:
        image: (*spatial), any value range.

    Returns:
        One slice an axis.

    Raises:
        ValueError: if the image is zero everywhere.
    """
    occupied = image != 0
    slices = []
    for axis in range(image.dim()):
        others = [other for other in range(image.dim()) if other != axis]
        indices = torch.nonzero(occupied.amax(dim=others) if others else occupied).flatten()
        if indices.numel() == 0:
            raise ValueError(f"the image of shape {list(image.shape)} is zero everywhere: there is no box to find.")
        slices.append(slice(int(indices[0]), int(indices[-1]) + 1))
    return tuple(slices)


class StepWindowInferer(Inferer):
    """Average the class probabilities of overlapping windows whose step is given in voxels.

    Windows stand every ``step`` voxels along each axis, the last one flush with the end (:func:`window_starts`), and
    count equally. Outside the box of the first channel's non-zero voxels nothing is computed; the result there is
    background. A box smaller than the window is padded with zeros and the result cropped back.

    Source: Wang, Zou, Shen, Ji, "Non-local U-Nets for Biomedical Image Segmentation", AAAI 2020, section "Inference";
    box, per-window standardisation and placement follow the published code, which does not support small volumes.

    Args:
        roi_size: voxels of a window, one number for all axes or one an axis.
        step: voxels from one window to the next, likewise; 1 to ``roi_size``. The paper compares 4, 8, 16 and 32 and
            uses 8 for windows of 32.
        sw_batch_size: windows in one pass through the network; the result does not depend on it beyond rounding.
        standardize: whether each window and channel is brought to zero mean and unit variance by itself
            (:func:`monai_nlseg.transforms.standardize_windows`).
        activation: what makes probabilities of the network's output before averaging: "softmax" over the channels,
            "sigmoid", or None to average the output itself.
        foreground_only: whether to compute windows inside the non-zero box only. Outside it, "softmax" gives 1 for
            channel 0 and 0 for the others, the other activations give 0.
        sw_device: device of the windows; defaults to the input's. The network must be there.
        device: device on which probabilities are summed and returned; defaults to the input's.
        progress: whether to show a progress bar (on a terminal only).

    Call: ``inferer(inputs, network, *args, **kwargs)`` with inputs (B, C, *spatial) and a network that maps windows
    (N, C, *roi_size) to (N, classes, *roi_size). Returns (B, classes, *spatial), float32; a MetaTensor for a
    MetaTensor.

    Raises:
        ValueError: for sizes that do not fit each other or the input, NaN or infinite voxels, an image that is zero
            everywhere, or a network whose output has another spatial size than its window.

    Examples::

        >>> import torch
        >>> inferer = StepWindowInferer(roi_size=32, step=8)
        >>> inferer(torch.ones(1, 2, 40, 36, 20), lambda x: torch.cat([x, x], dim=1)).shape
        torch.Size([1, 4, 40, 36, 20])
    """

    def __init__(
        self,
        roi_size: int | Sequence[int],
        step: int | Sequence[int],
        sw_batch_size: int = 4,
        standardize: bool = False,
        activation: Literal["softmax", "sigmoid"] | None = "softmax",
        foreground_only: bool = True,
        sw_device: torch.device | str | None = None,
        device: torch.device | str | None = None,
        progress: bool = False,
    ) -> None:
        super().__init__()
        if sw_batch_size < 1:
            raise ValueError(f"sw_batch_size {sw_batch_size} holds no window: give at least 1.")
        if activation not in ("softmax", "sigmoid", None):
            raise ValueError(f"activation {activation!r} is unknown: choose 'softmax', 'sigmoid' or None.")
        self.roi_size = roi_size
        self.step = step
        self.sw_batch_size = sw_batch_size
        self.standardize = standardize
        self.activation = activation
        self.foreground_only = foreground_only
        self.sw_device = sw_device
        self.device = device
        self.progress = progress

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        images = inputs.as_tensor() if isinstance(inputs, MetaTensor) else inputs
        if images.dim() < 3:
            raise ValueError(f"input has shape {list(images.shape)}: expected (batch, channels, spatial axes).")
        for image, name in zip(images, _names(inputs)):
            if image.is_floating_point() and not bool(torch.isfinite(image).all()):
                raise ValueError(f"{name} holds NaN or infinite voxels: replace them before inference.")
            if self.foreground_only and not bool(image[0].any()):
                raise ValueError(
                    f"{name} of shape {list(image.shape[1:])} is zero everywhere: give an image with foreground, or "
                    "infer with foreground_only=False."
                )
        outputs = torch.stack([self._infer(image, network, *args, **kwargs) for image in images])
        if isinstance(inputs, MetaTensor):
            outputs = convert_to_dst_type(outputs, inputs, dtype=outputs.dtype, device=outputs.device)[0]
        return outputs

    def _infer(
        self, image: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """(C, *spatial) -> (classes, *spatial)."""
        spatial_dims = image.dim() - 1
        roi, step = ensure_tuple_rep(self.roi_size, spatial_dims), ensure_tuple_rep(self.step, spatial_dims)
        everything = tuple(slice(0, size) for size in image.shape[1:])
        box = foreground_box(image[0]) if self.foreground_only else everything
        crop, inside = _pad_to(image[_all_channels(box)], roi)
        probabilities = self._average(crop, roi, step, network, *args, **kwargs)[_all_channels(inside)]
        if box == everything:
            return probabilities
        full = probabilities.new_zeros((probabilities.shape[0], *image.shape[1:]))
        if self.activation == "softmax":
            full[0] = 1.0
        full[_all_channels(box)] = probabilities
        return full

    def _average(
        self,
        image: torch.Tensor,
        roi: tuple[int, ...],
        step: tuple[int, ...],
        network: Callable[..., torch.Tensor],
        *args: Any,
        **kwargs: Any,
    ) -> torch.Tensor:
        """Equal-weight average over all windows of an image at least as large as one."""
        device = self.device or image.device
        starts = [window_starts(*axis) for axis in zip(image.shape[1:], roi, step)]
        windows = [
            tuple(slice(start, start + size) for start, size in zip(corner, roi))
            for corner in itertools.product(*starts)
        ]
        total: torch.Tensor | None = None
        with tqdm(total=len(windows), unit="window", disable=None if self.progress else True, leave=False) as bar:
            for first in range(0, len(windows), self.sw_batch_size):
                batch = windows[first : first + self.sw_batch_size]
                values = torch.stack([image[_all_channels(window)] for window in batch])
                outputs = self._predict(values.to(self.sw_device or image.device), network, *args, **kwargs).to(device)
                if total is None:
                    total = outputs.new_zeros((outputs.shape[1], *image.shape[1:]))
                for window, output in zip(batch, outputs):
                    total[_all_channels(window)] += output
                bar.update(len(batch))
        assert total is not None  # window_starts never returns an empty list
        for axis, (corners, size) in enumerate(zip(starts, roi)):
            count = total.new_zeros(image.shape[axis + 1])
            for corner in corners:
                count[corner : corner + size] += 1
            total /= count.reshape([-1 if other == axis else 1 for other in range(len(roi))])
        return total

    def _predict(
        self, windows: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        if self.standardize:
            windows = standardize_windows(windows)
        outputs = network(windows, *args, **kwargs).float()
        if outputs.shape[2:] != windows.shape[2:]:
            raise ValueError(
                f"the network returned {list(outputs.shape[2:])} for a window of {list(windows.shape[2:])}: use one "
                "that keeps the spatial size."
            )
        if self.activation == "softmax":
            return outputs.softmax(dim=1)
        return outputs.sigmoid() if self.activation == "sigmoid" else outputs


def _names(inputs: torch.Tensor) -> list[str]:
    """What to call each image of a batch in an error: its file where MONAI's metadata has it."""
    files = inputs.meta.get("filename_or_obj", []) if isinstance(inputs, MetaTensor) else []
    files = [files] if isinstance(files, str) else list(files)
    return [f"'{file}'" for file in files] if len(files) == len(inputs) else ["the image"] * len(inputs)


def _all_channels(box: tuple[slice, ...]) -> tuple[slice, ...]:
    return (slice(None), *box)


def _pad_to(image: torch.Tensor, roi: Sequence[int]) -> tuple[torch.Tensor, tuple[slice, ...]]:
    """Pad (C, *spatial) with zeros on both sides to at least ``roi``; also return where the image then lies."""
    before = [math.ceil(max(size - length, 0) / 2) for length, size in zip(image.shape[1:], roi)]
    after = [max(size - length, 0) - pad for length, size, pad in zip(image.shape[1:], roi, before)]
    inside = tuple(slice(pad, pad + length) for pad, length in zip(before, image.shape[1:]))
    pads = [pad for axis in reversed(range(len(before))) for pad in (before[axis], after[axis])]
    return F.pad(image, pads), inside
