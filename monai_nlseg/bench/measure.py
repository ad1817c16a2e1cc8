"""Measure one engine, in a process of its own: ``python -m monai_nlseg.bench.measure ENGINE SETTINGS RESULT``."""

from __future__ import annotations

import json
import logging
import math
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from monai_nlseg.bench.engines import ENGINES, BenchSettings
from monai_nlseg.bench.prepare import Predictor
from monai_nlseg.errors import sentence
from monai_nlseg.inferers import window_starts
from monai_nlseg.io.volumes import read_volume
from monai_nlseg.machine import minor_faults
from monai_nlseg.networks import channels_last
from monai_nlseg.networks.footprint import forward_footprint


def measure_engine(name: str, settings: BenchSettings) -> dict[str, Any]:
    """Measure the time and memory of one engine.

    Args:
        name: a key of :data:`monai_nlseg.bench.ENGINES`.
        settings: what is measured.

    Returns:
        "title" and "same_network" of the engine; "seconds_per_window", best over batches of ``sw_batch_size``;
        "gflop_per_window"; "floor_gflops", the rate of a 3^3 convolution just before and after; "window_bytes", the
        growth of the process by one window's pass; "faults_per_window", see :func:`faults_of`; "labels", the labels of
        a batch of noise; and "steps": for each step "windows", "seconds" of the volume, whether they are
        "extrapolated", "outside", the share of time outside the network, and "peak_bytes".
    """
    engine = ENGINES[name]
    settings = replace(settings, sw_batch_size=min(settings.sw_batch_size, engine.largest_batch or sys.maxsize))
    if settings.threads:
        torch.set_num_threads(settings.threads)
    volume = load_volume(settings)
    window = (settings.shape[0], *[settings.roi_size] * (len(settings.shape) - 1))
    noise = torch.randn((settings.sw_batch_size, *window), generator=torch.Generator().manual_seed(0))
    noise = noise.to(settings.device)

    torch.manual_seed(0)
    network = engine.network(settings.shape[0]).eval()
    flops = forward_footprint(network, (1, *window)).flops
    with tempfile.TemporaryDirectory() as scratch, torch.inference_mode():
        predict = engine.prepare(network, (settings.sw_batch_size, *window), settings.device, Path(scratch))
        memory = MemoryGrowth(settings.device)
        predict(noise[:1])
        window_bytes = memory.peak()
        before = floor_rate(settings.device, seconds=min(2.0, settings.seconds / 2))
        logits = torch.empty(0)

        def one_batch() -> None:
            nonlocal logits
            logits = predict(noise)
            wait(logits)

        # The other figures rest on this one, so it gets three times the time, up to 30 seconds.
        window_seconds = best_time(one_batch, min(3 * settings.seconds, 30.0)) / settings.sw_batch_size
        floor = max(before, floor_rate(settings.device, seconds=min(2.0, settings.seconds / 2)))
        faults = faults_of(one_batch)
        labels = logits.argmax(dim=1).to(torch.uint8).cpu()
        steps = {step: measure_volume(name, predict, volume, settings, step, window_seconds) for step in settings.steps}
    return {
        "title": engine.title,
        "same_network": engine.same_network,
        "seconds_per_window": window_seconds,
        "gflop_per_window": flops / 1e9,
        "floor_gflops": floor,
        "window_bytes": window_bytes,
        "faults_per_window": None if faults is None else faults / settings.sw_batch_size,
        "labels": labels.flatten().tolist() if engine.same_network else [],
        "steps": steps,
    }


def measure_volume(
    name: str, predict: Predictor, volume: torch.Tensor, settings: BenchSettings, step: int, window_seconds: float
) -> dict[str, Any]:
    """Infer the volume, or as many windows in its middle as fit the time; ``window_seconds`` stands in if none fits.

    Args:
        name: a key of :data:`monai_nlseg.bench.ENGINES`.
        predict: the prepared network.
        volume: (C, *spatial).
        settings: what is measured.
        step: step between windows in voxels.
        window_seconds: seconds of a window.

    Returns:
        An entry of "steps", see :func:`measure_engine`.
    """
    counts = [len(window_starts(size, settings.roi_size, step)) for size in settings.shape[1:]]
    total = math.prod(counts)
    fits = int(settings.seconds / window_seconds)
    if fits == 0:
        return {
            "windows": total,
            "seconds": window_seconds * total,
            "extrapolated": True,
            "outside": None,
            "peak_bytes": None,
        }
    taken = list(counts)
    while math.prod(taken) > fits and max(taken) > 1:
        taken[taken.index(max(taken))] -= 1
    crop = volume
    for axis, (count, whole) in enumerate(zip(taken, settings.shape[1:]), start=1):
        size = min(settings.roi_size + step * (count - 1), whole)
        crop = crop.narrow(axis, (whole - size) // 2, size)

    inside = 0.0

    def timed(windows: torch.Tensor) -> torch.Tensor:
        nonlocal inside
        begin = time.perf_counter()
        output = predict(windows)
        wait(output)
        inside += time.perf_counter() - begin
        return output

    inferer = ENGINES[name].inferer(settings, step)
    corner = torch.ones((1, settings.shape[0], *[settings.roi_size] * (volume.dim() - 1)), device=settings.device)
    inferer(corner, predict)  # sets up what a process sets up once
    memory = MemoryGrowth(settings.device)
    begin = time.perf_counter()
    inferer(crop[None].to(settings.device), timed)
    seconds = time.perf_counter() - begin
    return {
        "windows": total,
        "seconds": seconds * total / math.prod(taken),
        "extrapolated": taken != counts,
        "outside": 1 - inside / seconds,
        "peak_bytes": memory.peak(),
    }


def load_volume(settings: BenchSettings) -> torch.Tensor:
    """Return the volume to infer, (C, *spatial) float32; the synthetic one is positive everywhere.

    Args:
        settings: its ``images``, or the ``shape`` of the synthetic volume.

    Raises:
        ValueError: if the files differ in shape.
    """
    if not settings.images:
        return torch.rand(settings.shape, generator=torch.Generator().manual_seed(0)) + 0.1
    channels = [torch.from_numpy(read_volume(image).values.astype(np.float32)) for image in settings.images]
    shapes = sorted({tuple(channel.shape) for channel in channels})
    if len(shapes) > 1:
        raise ValueError(f"the images have shapes {shapes}: give channels of one scan, of one shape.")
    return torch.stack(channels)


def floor_rate(device: str, seconds: float) -> float:
    """Return the GFLOP/s of a 3^3 convolution of 32 to 32 channels on 4 x 32^3 voxels, channels last.

    Args:
        device: device to measure on.
        seconds: time to spend.
    """
    layer = channels_last(torch.nn.Conv3d(32, 32, 3, padding=1, bias=False).to(device))
    x = torch.randn(4, 32, 32, 32, 32, device=device).contiguous(memory_format=torch.channels_last_3d)
    return 4 * 32**3 * 2 * 27 * 32 * 32 / best_time(lambda: wait(layer(x)), seconds) / 1e9


def best_time(run: Callable[[], Any], seconds: float) -> float:
    """Return the shortest of :func:`run_times` in seconds.

    Args:
        run: the function that is timed.
        seconds: time to spend.
    """
    return min(run_times(run, seconds))


def run_times(run: Callable[[], Any], seconds: float) -> list[float]:
    """Return the seconds of each run; the first, which warms up, counts only if there is no time for another.

    Args:
        run: the function that is timed.
        seconds: time to spend; the last run may end later.
    """
    until = time.perf_counter() + seconds
    times: list[float] = []
    while not times or time.perf_counter() < until:
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return times[1:] or times


def faults_of(run: Callable[[], Any]) -> int | None:
    """Return the minor page faults of a run: pages of memory that the system hands out and fills with zeros.

    Args:
        run: the function that is called once.

    Returns:
        Their number; None where the system does not count them.
    """
    before = minor_faults()
    run()
    after = minor_faults()
    return None if before is None or after is None else after - before


def wait(output: torch.Tensor) -> None:
    """Wait until the device has computed a tensor.

    Args:
        output: the tensor.
    """
    if output.is_cuda:
        torch.cuda.synchronize(output.device)


class MemoryGrowth:
    """Growth in memory of the process, or of what PyTorch holds on a GPU, since this object was made.

    Args:
        device: "cpu" or "cuda".
    """

    def __init__(self, device: str = "cpu") -> None:
        self.cuda = device.startswith("cuda")
        if self.cuda:
            torch.cuda.reset_peak_memory_stats()
            self.before = torch.cuda.memory_allocated()
        else:
            self.before = _status("VmRSS")
            self.resets = _reset_peak()

    def peak(self) -> int | None:
        """Return the largest growth so far in bytes; None if the system does not report it."""
        if self.cuda:
            return torch.cuda.max_memory_allocated() - self.before
        return _status("VmHWM") - self.before if self.resets else None


def _status(name: str) -> int:
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), 0)


def _reset_peak() -> bool:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    options = json.loads(sys.argv[2])
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    try:
        result = measure_engine(sys.argv[1], BenchSettings(**options))
    except Exception as error:
        print(sentence(error))
        sys.exit(1)
    Path(sys.argv[3]).write_text(json.dumps(result))
