"""Checks of the settings that both benchmarks share."""

from __future__ import annotations

import re

import torch

from monai_nlseg.bounds import require_number, shown

MOST_THREADS = 1024
MOST_SECONDS = 86_400.0


def check_settings(seconds: float, threads: int | None, device: str) -> None:
    """Check the time and threads of a measurement, and that the networks can run on its device.

    Args:
        seconds: time for a measurement.
        threads: CPU threads; None for PyTorch's default.
        device: "cpu", "cuda" or "cuda:0".

    Raises:
        ValueError: for a time that is not 1 ms to a day, threads that are not 1 to 1024, or a device other than the
            CPU and the GPUs that PyTorch finds.
    """
    require_number("the time for a measurement in seconds", seconds, 0.001, MOST_SECONDS, whole=False)
    if threads is not None:
        require_number("threads", threads, 1, MOST_THREADS)
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    found = re.fullmatch(r"cpu|cuda(?::(\d{1,3}))?", device)
    if found is None or device != "cpu" and int(found[1] or 0) >= gpus:
        there = "cpu" if not gpus else f"cpu or cuda:0 to cuda:{gpus - 1}"
        raise ValueError(f"device {shown(device)} cannot be used by PyTorch here: choose {there}.")
