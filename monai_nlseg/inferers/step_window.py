"""Overlapping-window inference with a step in voxels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from numbers import Integral
from typing import Any, Literal

import torch
import torch.nn.functional as F
from monai.data import MetaTensor
from monai.data.utils import compute_importance_map
from monai.inferers import Inferer
from monai.utils import convert_to_dst_type
from tqdm import tqdm

from monai_nlseg.inferers.result import WindowResult
from monai_nlseg.inferers.rolling_average import RollingAverage, rolling_axis, rolling_bytes
from monai_nlseg.inferers.windows import (
    Box,
    Sizes,
    all_channels,
    empty_windows,
    foreground_box,
    undivided,
    window_corners,
    window_sizes,
)
from monai_nlseg.transforms import standardize_windows

__all__ = ["StepWindowInferer"]

Network = Callable[..., torch.Tensor | Sequence[torch.Tensor]]


class StepWindowInferer(Inferer):
    """Average the class probabilities of overlapping windows whose step is given in voxels.

    Windows stand every ``step`` voxels along each axis, the last one flush with the end (:func:`window_starts`).
    Outside the box of the first channel's non-zero voxels nothing is computed; the result there is background. A box
    smaller than the window is padded with zeros and the result cropped back. Sums are kept in float32 for the planes
    under the current windows only (:class:`RollingAverage`); finished planes go into the result at once.

    Source: Wang, Zou, Shen, Ji, "Non-local U-Nets for Biomedical Image Segmentation", AAAI 2020, section "Inference";
    box, per-window standardisation and placement follow the published code, which does not support small volumes.

    Args:
        roi_size: voxels of a window, one number for all axes or one for each axis. As in
            :class:`monai.inferers.SlidingWindowInferer`, None or a number below 1 stands for the image's size along
            that axis.
        step: voxels from one window to the next, likewise; 1 to ``roi_size``. It does not matter along an axis that
            one window covers. The paper compares 4, 8, 16 and 32 and uses 8 for windows of 32.
        sw_batch_size: windows in one pass through the network; the result does not depend on it beyond rounding.
        standardize: whether each window and channel is brought to zero mean and unit variance by itself
            (:func:`monai_nlseg.transforms.standardize_windows`).
        activation: what makes probabilities of the network's output before averaging: "softmax" over the channels,
            "sigmoid", or None to average the output itself.
        foreground_only: whether to compute windows inside the non-zero box only. Outside it, "softmax" gives 1 for
            channel 0 and 0 for the others, the other activations give 0. The box takes in all of an axis whose
            ``roi_size`` is the image's.
        mode: weight of a window's voxels in the average, as in :class:`monai.inferers.SlidingWindowInferer`:
            "constant" or "gaussian".
        sigma_scale: standard deviation of the Gaussian as a share of the window, one for all axes or one for each.
        output: "average" returns the averages; "labels" the channel of the largest one, or for "sigmoid" whether each
            channel's is above 0.5, without ever holding the averages of the whole volume.
        dtype: floating dtype of the averages returned.
        reuse_empty: whether the output for a window of zeros is computed once and used for all such windows. Set
            False for a network that is random, such as one with dropout active.
        memory_budget: largest number of MB (10^6 bytes) that sums and averages of one image may take; None for no
            limit. The batch of windows and what the network allocates come on top.
        sw_device: device of the windows and the sums; defaults to the input's. The network must be there.
        device: device of the result; defaults to the input's.
        progress: whether to show a progress bar (on a terminal only).

    Call: ``inferer(inputs, network, *args, **kwargs)`` with inputs (B, C, *spatial) and a network, in evaluation mode,
    that maps windows (N, C, *roi_size) to (N, classes, *roi_size) or to several such tensors. Returns
    (B, classes, *spatial) in ``dtype``, or with output "labels" uint8 of (B, 1, *spatial), for "sigmoid" of
    (B, classes, *spatial); a tuple of those if the network returns several tensors. A MetaTensor gives MetaTensors. No
    gradient is recorded.

    Raises:
        ValueError: for sizes that do not fit each other or the input, NaN or infinite voxels, an image that is zero
            everywhere, a network whose output has another spatial size than its window or is NaN, or a memory budget
            that is too small (the message names what would do).

    Examples::

        >>> import torch
        >>> inferer = StepWindowInferer(roi_size=32, step=8)
        >>> inferer(torch.ones(1, 2, 40, 36, 20), lambda x: torch.cat([x, x], dim=1)).shape
        torch.Size([1, 4, 40, 36, 20])
    """

    def __init__(
        self,
        roi_size: Sizes,
        step: int | Sequence[int],
        sw_batch_size: int = 4,
        standardize: bool = False,
        activation: Literal["softmax", "sigmoid"] | None = "softmax",
        foreground_only: bool = True,
        mode: Literal["constant", "gaussian"] = "constant",
        sigma_scale: float | Sequence[float] = 0.125,
        output: Literal["average", "labels"] = "average",
        dtype: torch.dtype = torch.float32,
        reuse_empty: bool = True,
        memory_budget: float | None = None,
        sw_device: torch.device | str | None = None,
        device: torch.device | str | None = None,
        progress: bool = False,
    ) -> None:
        super().__init__()
        for name, sizes in (("roi_size", roi_size), ("step", step)):
            kinds = (Integral, type(None)) if name == "roi_size" else Integral
            if not all(isinstance(size, kinds) for size in (sizes if isinstance(sizes, Sequence) else [sizes])):
                raise ValueError(f"{name} {sizes!r} is not in whole voxels: give an int, or one for each axis.")
        if sw_batch_size < 1:
            raise ValueError(f"sw_batch_size {sw_batch_size} holds no window: give at least 1.")
        for name, value, choices in (
            ("activation", activation, ("softmax", "sigmoid", None)),
            ("mode", mode, ("constant", "gaussian")),
            ("output", output, ("average", "labels")),
        ):
            if value not in choices:
                raise ValueError(f"{name} {value!r} is unknown: choose {' or '.join(map(repr, choices))}.")
        if not dtype.is_floating_point:
            raise ValueError(f"dtype {dtype} holds no averages: give a floating dtype, or output='labels' for labels.")
        self.roi_size = roi_size
        self.step = step
        self.sw_batch_size = sw_batch_size
        self.standardize = standardize
        self.activation = activation
        self.foreground_only = foreground_only
        self.mode = mode
        self.sigma_scale = sigma_scale
        self.output = output
        self.dtype = dtype
        self.reuse_empty = reuse_empty
        self.memory_budget = memory_budget
        self.sw_device = sw_device
        self.device = device
        self.progress = progress

    @torch.no_grad()
    def __call__(
        self, inputs: torch.Tensor, network: Network, *args: Any, **kwargs: Any
    ) -> torch.Tensor | tuple[torch.Tensor, ...]:
        images = inputs.as_tensor() if isinstance(inputs, MetaTensor) else inputs
        if images.dim() < 3 or 0 in images.shape:
            raise ValueError(
                f"input has shape {list(images.shape)}: expected (batch, channels, spatial axes), none of them empty."
            )
        for image, name in zip(images, _names(inputs)):
            # By planes: PyTorch's test makes a copy of what it is given.
            if not all(bool(torch.isfinite(plane).all()) for plane in image.unbind(1)):
                raise ValueError(f"{name} holds NaN or infinite voxels: replace them before inference.")
            if self.foreground_only and not bool(image[0].any()):
                raise ValueError(
                    f"{name} of shape {list(image.shape[1:])} is zero everywhere: give an image with foreground, or "
                    "infer with foreground_only=False."
                )
        results = [self._infer(image, network, *args, **kwargs) for image in images]
        # One image is the common case, and a view of it costs no second copy of the volume.
        outputs = tuple(each[0][None] if len(each) == 1 else torch.stack(each) for each in zip(*results))
        if isinstance(inputs, MetaTensor):
            outputs = tuple(
                convert_to_dst_type(each, inputs, dtype=each.dtype, device=each.device)[0] for each in outputs
            )
        return outputs[0] if len(outputs) == 1 else outputs

    def predict(self, windows: torch.Tensor, network: Network, *args: Any, **kwargs: Any) -> list[torch.Tensor]:
        """What the network makes of a batch of windows (N, C, *roi): each tensor of its output, activated, float32.

        Raises:
            ValueError: if an output is no tensor, has another spatial size than its window, or a single channel for
                "softmax".
        """
        windows = windows.to(self.sw_device or windows.device)
        if self.standardize:
            windows = standardize_windows(windows)
        outputs = network(windows, *args, **kwargs)
        if not isinstance(outputs, torch.Tensor | tuple | list):
            raise ValueError(
                f"the network returned a {type(outputs).__name__}: wrap it in a function that returns a tensor or a "
                "tuple of tensors."
            )
        activated = []
        for output in [outputs] if isinstance(outputs, torch.Tensor) else outputs:
            if output.shape[2:] != windows.shape[2:]:
                raise ValueError(
                    f"the network returned {list(output.shape[2:])} for a window of {list(windows.shape[2:])}: use one "
                    "that keeps the spatial size."
                )
            output = output.to(windows.device, torch.float32)
            if self.activation == "softmax":
                if output.shape[1] == 1:
                    raise ValueError("the softmax of one channel is 1 everywhere: use activation='sigmoid' or None.")
                output = output.softmax(dim=1)
            elif self.activation == "sigmoid":
                output = output.sigmoid()
            activated.append(output)
        return activated

    def _infer(self, image: torch.Tensor, network: Network, *args: Any, **kwargs: Any) -> list[torch.Tensor]:
        """(C, *spatial) -> for each tensor of the network's output (classes or 1, *spatial)."""
        roi, step = window_sizes(image.shape[1:], self.roi_size, self.step)
        box = self._box(image[0])
        crop, inside = _pad_to(image[all_channels(box)], roi)
        axis = rolling_axis(crop.shape[1:], roi)
        sw_device = self.sw_device or image.device
        importance = compute_importance_map(roi, mode=self.mode, sigma_scale=self.sigma_scale, device=sw_device)
        results: list[WindowResult] = []
        sums: list[RollingAverage] = []
        for corner, outputs in self._windows(crop, roi, step, axis, network, *args, **kwargs):
            if not sums:
                channels = [output.shape[0] for output in outputs]
                self.check_budget(channels, image.shape[1:], crop.shape[1:], roi, step)
                where = (image.shape[1:], box, inside, axis)
                what = (self.activation, self.output, self.dtype, self.device or image.device)
                results = [WindowResult(count, *where, *what) for count in channels]
                sums = [
                    RollingAverage(crop.shape[1:], roi, axis, count, importance, result.receive)
                    for count, result in zip(channels, results)
                ]
            for total, output in zip(sums, outputs):
                total.add(corner, output)
        for total in sums:
            total.finish()
        return [result.values for result in results]

    def _box(self, image: torch.Tensor) -> Box:
        """Return the box that is computed of an image (*spatial)."""
        whole = tuple(slice(0, size) for size in image.shape)
        if not self.foreground_only:
            return whole
        sides = zip(undivided(self.roi_size, image.dim()), whole, foreground_box(image))
        return tuple(full if covered else cut for covered, full, cut in sides)

    def _windows(
        self,
        image: torch.Tensor,
        roi: tuple[int, ...],
        step: tuple[int, ...],
        axis: int,
        network: Network,
        *args: Any,
        **kwargs: Any,
    ) -> Iterator[tuple[tuple[int, ...], list[torch.Tensor]]]:
        """First voxel of each window and the network's activated outputs for it, each (classes, *roi)."""
        blank: list[torch.Tensor] = []
        # Windows are handed on in their order: those of zeros wait for the batch that is being filled before them.
        waiting: list[tuple[tuple[int, ...], bool]] = []
        filled = 0
        corners = window_corners(image.shape[1:], roi, step, axis)
        with tqdm(total=len(corners), unit="window", disable=None if self.progress else True, leave=False) as bar:
            for _, layer in itertools.groupby(corners, key=lambda corner: corner[axis]):
                members = list(layer)
                empty = empty_windows(image, members, roi, axis) if self.reuse_empty else [False] * len(members)
                if any(empty) and not blank:
                    zeros = image.new_zeros((1, image.shape[0], *roi))
                    blank = [output[0] for output in self.predict(zeros, network, *args, **kwargs)]
                for corner, is_empty in zip(members, empty):
                    waiting.append((corner, is_empty))
                    filled += not is_empty
                    if 0 < filled < self.sw_batch_size:
                        continue
                    yield from self._run(image, roi, waiting, blank, network, *args, **kwargs)
                    bar.update(len(waiting))
                    waiting, filled = [], 0
            yield from self._run(image, roi, waiting, blank, network, *args, **kwargs)
            bar.update(len(waiting))

    def _run(
        self,
        image: torch.Tensor,
        roi: tuple[int, ...],
        waiting: Sequence[tuple[tuple[int, ...], bool]],
        blank: list[torch.Tensor],
        network: Network,
        *args: Any,
        **kwargs: Any,
    ) -> Iterator[tuple[tuple[int, ...], list[torch.Tensor]]]:
        """The waiting windows in their order, those that are not of zeros through the network."""
        outputs: list[torch.Tensor] = []
        computed = [corner for corner, is_empty in waiting if not is_empty]
        if computed:
            windows = torch.stack([image[_window(corner, roi)] for corner in computed])
            outputs = self.predict(windows, network, *args, **kwargs)
        rows = iter(range(len(computed)))
        for corner, is_empty in waiting:
            row = None if is_empty else next(rows)
            yield corner, blank if row is None else [output[row] for output in outputs]

    def check_budget(
        self,
        channels: Sequence[int],
        image: Sequence[int],
        crop: Sequence[int],
        roi: Sequence[int],
        step: Sequence[int],
    ) -> None:
        """Refuse what does not fit ``memory_budget``.

        Args:
            channels: classes of each tensor that the network returns.
            image: voxels of the image.
            crop: voxels of the part that is computed.
            roi: voxels of a window.
            step: voxels from one window to the next.

        Raises:
            ValueError: naming what would fit.
        """
        if self.memory_budget is None:
            return
        sums = sum(rolling_bytes(crop, roi, step, count) for count in channels) / 1e6
        averages = 0 if self.output == "labels" else sum(channels) * math.prod(image) * self.dtype.itemsize / 1e6
        if sums + averages <= self.memory_budget:
            return
        advice = f"give a memory_budget of {math.ceil(sums + averages)}"
        if averages and sums <= self.memory_budget:
            advice = f"use output='labels', which takes {sums:.0f} MB, or {advice}"
        raise ValueError(
            f"averaging {sum(channels)} channels over {list(image)} voxels takes {sums + averages:.0f} MB, the memory "
            f"budget is {self.memory_budget:g} MB: {advice}."
        )


def _names(inputs: torch.Tensor) -> list[str]:
    """What to call each image of a batch in an error: its file where MONAI's metadata has it."""
    files = inputs.meta.get("filename_or_obj", []) if isinstance(inputs, MetaTensor) else []
    files = [files] if isinstance(files, str) else list(files)
    return [f"'{file}'" for file in files] if len(files) == len(inputs) else ["the image"] * len(inputs)


def _window(corner: Sequence[int], roi: Sequence[int]) -> Box:
    return all_channels(tuple(slice(start, start + size) for start, size in zip(corner, roi)))


def _pad_to(image: torch.Tensor, roi: Sequence[int]) -> tuple[torch.Tensor, Box]:
    """Pad (C, *spatial) with zeros on both sides to at least ``roi``; also return where the image then lies."""
    before = [math.ceil(max(size - length, 0) / 2) for length, size in zip(image.shape[1:], roi)]
    after = [max(size - length, 0) - pad for length, size, pad in zip(image.shape[1:], roi, before)]
    inside = tuple(slice(pad, pad + length) for pad, length in zip(before, image.shape[1:]))
    pads = [pad for axis in reversed(range(len(before))) for pad in (before[axis], after[axis])]
    return F.pad(image, pads) if any(pads) else image, inside
