"""Overlapping-window inference with a step in voxels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import torch
from monai.data import MetaTensor
from monai.data.utils import compute_importance_map
from monai.inferers import Inferer
from monai.utils import convert_to_dst_type
from tqdm import tqdm

from monai_nlseg.inferers.aggregator import WindowAggregator
from monai_nlseg.inferers.boxes import Box, Region, all_channels, foreground_box, pad_to
from monai_nlseg.inferers.checks import check_windows
from monai_nlseg.inferers.result_form import Activation, Output, ResultForm
from monai_nlseg.inferers.sampler import WindowSampler
from monai_nlseg.inferers.windows import Corner, Sizes, WindowGrid, undivided
from monai_nlseg.transforms import standardize_windows

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
        activation: what turns the network's output into probabilities before averaging: "softmax" over the channels,
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
            everywhere, and a network whose output has another spatial size than its window or is NaN.

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
        activation: Activation = "softmax",
        foreground_only: bool = True,
        mode: Literal["constant", "gaussian"] = "constant",
        sigma_scale: float | Sequence[float] = 0.125,
        output: Output = "average",
        dtype: torch.dtype = torch.float32,
        reuse_empty: bool = True,
        sw_device: torch.device | str | None = None,
        device: torch.device | str | None = None,
        progress: bool = False,
    ) -> None:
        super().__init__()
        check_windows(roi_size, step, sw_batch_size)
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
            # Plane by plane, because PyTorch's test copies what it is given.
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
        """Return each tensor of the network's output for a batch of windows, activated, in float32.

        Args:
            windows: (N, C, *roi).
            network: the network.
            args: further arguments of the network.
            kwargs: further named arguments of the network.

        Returns:
            Tensors (N, classes, *roi).

        Raises:
            ValueError: if an output is not a tensor, has another spatial size than its window, or a single channel for
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

    @property
    def form(self) -> ResultForm:
        """Return the form of the result: averages or labels."""
        return ResultForm(self.activation, self.output, self.dtype)

    def _infer(self, image: torch.Tensor, network: Network, *args: Any, **kwargs: Any) -> list[torch.Tensor]:
        """Return the result (classes or 1, *spatial) of an image (C, *spatial) for each tensor of the output."""
        box = self._box(image[0])
        part = image[all_channels(box)]
        grid = WindowGrid.covering(part.shape[1:], self.roi_size, self.step)
        volume, inside = pad_to(part, grid.shape)
        sampler = WindowSampler(volume, grid, self.sw_batch_size, find_empty=self.reuse_empty)
        sw_device = self.sw_device or image.device
        importance = compute_importance_map(grid.roi, mode=self.mode, sigma_scale=self.sigma_scale, device=sw_device)
        region = Region(tuple(image.shape[1:]), box, inside)
        aggregator = WindowAggregator(grid, region, self.form, importance, self.device or image.device)
        for corner, outputs in self._outputs(sampler, network, *args, **kwargs):
            aggregator.add(corner, outputs)
        return aggregator.results()

    def _box(self, image: torch.Tensor) -> Box:
        """Return the box of an image (*spatial) that is computed."""
        whole = tuple(slice(0, size) for size in image.shape)
        if not self.foreground_only:
            return whole
        sides = zip(undivided(self.roi_size, image.dim()), whole, foreground_box(image))
        return tuple(full if covered else cut for covered, full, cut in sides)

    def _outputs(
        self, sampler: WindowSampler, network: Network, *args: Any, **kwargs: Any
    ) -> Iterator[tuple[Corner, Sequence[torch.Tensor]]]:
        """Yield the first voxel of each window and the network's activated outputs for it, each (classes, *roi)."""
        blank: list[torch.Tensor] = []
        with tqdm(total=sampler.grid.count, unit="window", disable=None if self.progress else True, leave=False) as bar:
            for batch in sampler:
                if not blank and any(window.empty for window in batch):
                    blank = [output[0] for output in self.predict(sampler.zeros(), network, *args, **kwargs)]
                occupied = [window for window in batch if not window.empty]
                outputs = self.predict(sampler.stack(occupied), network, *args, **kwargs) if occupied else []
                rows = iter(zip(*outputs))
                for window in batch:
                    yield window.corner, blank if window.empty else next(rows)
                bar.update(len(batch))


def _names(inputs: torch.Tensor) -> list[str]:
    """Return what to call each image of a batch in an error: its file if MONAI's metadata has it."""
    files = inputs.meta.get("filename_or_obj", []) if isinstance(inputs, MetaTensor) else []
    files = [files] if isinstance(files, str) else list(files)
    return [f"'{file}'" for file in files] if len(files) == len(inputs) else ["the image"] * len(inputs)
