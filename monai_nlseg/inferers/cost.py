"""What a windowed inference will cost, before it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn as nn
from monai.networks import eval_mode

from monai_nlseg.bounds import LARGEST_AXIS, LONGEST_SECONDS, require_number
from monai_nlseg.inferers.step_window import StepWindowInferer
from monai_nlseg.inferers.windows import WindowGrid
from monai_nlseg.machine import free_memory
from monai_nlseg.networks.footprint import forward_footprint, packed_bytes, weights_bytes

# What a process takes besides its tensors on the CPU once convolutions run (oneDNN's code and scratch, threads'
# arenas): 30 to 65 MB measured over five networks and four batch sizes.
CPU_RUNTIME_BYTES = 56_000_000
# Larger batches were not faster on a CPU: from 8 windows of 32^3 on, each tensor is mapped anew by the allocator.
LARGEST_BATCH = {"cpu": 4}
LARGEST_BATCH_ELSEWHERE = 32
MOST_MEGABYTES = 1e9


@dataclass(frozen=True)
class InferenceCost:
    """The cost of inferring one image.

    Windows are counted for the whole image; if background is left out or windows of zeros are reused, time and result
    stay below.

    Attributes:
        shape: channels and voxels of the image.
        roi_size: voxels of a window.
        step: voxels from one window to the next.
        windows: number of windows.
        sw_batch_size: largest safe number of windows in one pass.
        flops: floating-point operations in all (a multiply-add is two).
        weights_bytes: bytes of the network's weights, which it holds already.
        batch_bytes: bytes of windows, activations and outputs of one batch.
        sums_bytes: bytes of the sums of overlapping windows.
        result_bytes: bytes of the result.
        runtime_bytes: bytes that the libraries take besides tensors, and of the weights in a layout of theirs.
        seconds: expected time, from the network's own time for one batch on this machine; None if not measured.
    """

    shape: tuple[int, ...]
    roi_size: tuple[int, ...]
    step: tuple[int, ...]
    windows: int
    sw_batch_size: int
    flops: int
    weights_bytes: int
    batch_bytes: int
    sums_bytes: int
    result_bytes: int
    runtime_bytes: int
    seconds: float | None

    @property
    def peak_bytes(self) -> int:
        """Return the most bytes needed at a time, besides those of image and weights."""
        return self.batch_bytes + self.sums_bytes + self.result_bytes + self.runtime_bytes

    def __str__(self) -> str:
        parts = {
            "batch": self.batch_bytes,
            "sums": self.sums_bytes,
            "result": self.result_bytes,
            "libraries": self.runtime_bytes,
        }
        sizes = [f"{name} {size / 1e6:.0f}" for name, size in parts.items()]
        time_needed = "" if self.seconds is None else f", about {_duration(self.seconds)}"
        return (
            f"{self.windows} windows of {_by(self.roi_size)}, step {_by(self.step)}, "
            f"{self.sw_batch_size} at a time: {self.flops / 1e12:.3g} TFLOP{time_needed}, "
            f"peak memory {self.peak_bytes / 1e6:.0f} MB ({', '.join(sizes)})"
        )


def inference_cost(
    inferer: StepWindowInferer,
    network: nn.Module,
    shape: Sequence[int],
    memory: float | None = None,
    seconds: float | None = None,
    max_batch_size: int | None = None,
    measure: bool = True,
) -> InferenceCost:
    """Predict the cost of inferring one image with the largest batch that fits, and refuse what exceeds the limits.

    FLOPs and bytes follow from the shapes of all operations (:func:`forward_footprint`); the expected
    time follows from three passes over a batch of noise, the first of which is not counted.

    Args:
        inferer: how windows are placed and averaged.
        network: the network, where it will run and as it will run (evaluation mode, optimised).
        shape: (C, *spatial) of the image.
        memory: MB (10^6 bytes) that may be used; defaults to 80 % of what is available on the network's device.
        seconds: time the inference may take; None for no limit.
        max_batch_size: largest number of windows in one pass; defaults to 4 on a CPU, 32 elsewhere.
        measure: whether to run the network for the expected time; needed for a limit in seconds.

    Raises:
        ValueError: for an image without voxels, or if memory or time does not suffice; the message names the output,
            memory, step or time that would suffice.
    """
    _check_limits(shape, memory, seconds, measure)
    device = _device(inferer, network)
    grid = WindowGrid.covering(shape[1:], inferer.roi_size, inferer.step)
    windows = grid.count

    def forward(batch: torch.Tensor) -> list[torch.Tensor]:
        return inferer.predict(batch, network)

    with eval_mode(network):
        one, two = (forward_footprint(forward, (count, shape[0], *grid.roi), device) for count in (1, 2))
    channels = [output[1] for output in one.outputs]
    sums = sum(map(grid.sums_bytes, channels))
    result = sum(inferer.form.bytes(count, shape[1:]) for count in channels)
    runtime = CPU_RUNTIME_BYTES + packed_bytes(network) if device.type == "cpu" else 0
    elsewhere = inferer.device is not None and torch.device(inferer.device).type != device.type
    fixed = sums + runtime + (0 if elsewhere else result)

    limit = 0.8 * available_bytes(device) if memory is None else memory * 1e6
    largest = max_batch_size or LARGEST_BATCH.get(device.type, LARGEST_BATCH_ELSEWHERE)
    slope = max(two.peak_bytes - one.peak_bytes, 1)
    batch_size = min(largest, windows, 1 + int((limit - fixed - one.peak_bytes) // slope))
    if batch_size < 1:
        labels = sum(replace(inferer.form, output="labels").bytes(count, shape[1:]) for count in channels)
        raise ValueError(_too_large(shape[1:], fixed + one.peak_bytes, result - labels, limit))

    a_window = _seconds_a_window(inferer, network, (batch_size, shape[0], *grid.roi), device) if measure else None
    cost = InferenceCost(
        shape=tuple(shape),
        roi_size=grid.roi,
        step=grid.step,
        windows=windows,
        sw_batch_size=batch_size,
        flops=one.flops * windows,
        weights_bytes=weights_bytes(network),
        batch_bytes=one.peak_bytes + (batch_size - 1) * slope,
        sums_bytes=sums,
        result_bytes=result,
        runtime_bytes=runtime,
        seconds=None if a_window is None else a_window * windows,
    )
    if seconds is not None:
        assert a_window is not None
        if a_window * windows > seconds:
            raise ValueError(_too_slow(grid, a_window, seconds))
    return cost


def available_bytes(device: torch.device) -> int:
    """Return the bytes that can still be allocated on a device; in a container, within its limit.

    Args:
        device: a CPU or a GPU.
    """
    if device.type == "cuda":
        # PyTorch keeps what it has freed, and gives it out again.
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + kept
    return free_memory()


def _check_limits(shape: Sequence[int], memory: float | None, seconds: float | None, measure: bool) -> None:
    if len(shape) < 2 or min(shape) < 1:
        raise ValueError(f"an image of shape {list(shape)} has no voxels: give (channels, spatial axes), all above 0.")
    for size in shape:
        require_number("an axis of the image", size, 1, LARGEST_AXIS)
    if memory is not None:
        require_number("the memory in MB", memory, 0.001, MOST_MEGABYTES, whole=False)
    if seconds is not None:
        require_number("the time in seconds", seconds, 0.001, LONGEST_SECONDS, whole=False)
        if not measure:
            raise ValueError(f"a limit of {seconds:g} s needs the network's time: give measure=True.")


def _device(inferer: StepWindowInferer, network: nn.Module) -> torch.device:
    parameter = next(network.parameters(), None)
    return torch.device(inferer.sw_device or ("cpu" if parameter is None else parameter.device))


def _seconds_a_window(
    inferer: StepWindowInferer, network: nn.Module, shape: Sequence[int], device: torch.device
) -> float:
    windows = torch.randn(tuple(shape), device=device)
    taken = []
    with eval_mode(network), torch.inference_mode():
        for _ in range(3):
            begin = time.perf_counter()
            outputs = inferer.predict(windows, network)
            float(outputs[0].flatten()[0])  # waits for an accelerator
            taken.append(time.perf_counter() - begin)
    return min(taken[1:]) / shape[0]


def _too_large(spatial: Sequence[int], needed: float, saved_by_labels: float, limit: float) -> str:
    advice = f"give {needed / 1e6:.0f} MB or smaller windows"
    if saved_by_labels and needed - saved_by_labels <= limit:
        advice = f"use output='labels', which takes {(needed - saved_by_labels) / 1e6:.0f} MB, or {advice}"
    return (
        f"an image of {_by(spatial)} needs {needed / 1e6:.0f} MB even one window at a time, "
        f"{limit / 1e6:.0f} MB may be used: {advice}."
    )


def _too_slow(grid: WindowGrid, a_window: float, seconds: float) -> str:
    needed = a_window * grid.count
    advice = f"allow {_duration(needed)}"
    for larger in range(min(grid.step) + 1, max(grid.roi) + 1):
        step = tuple(min(max(old, larger), size) for old, size in zip(grid.step, grid.roi))
        less = a_window * replace(grid, step=step).count
        if less <= seconds:
            advice = f"use step {_by(step)}, which takes {_duration(less)}, or {advice}"
            break
    return f"{grid.count} windows take about {_duration(needed)}, {_duration(seconds)} are allowed: {advice}."


def _by(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
