"""The machine that something is measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import psutil
import torch

__all__ = ["machine", "processor"]


def machine() -> dict[str, Any]:
    """Its "processor", "cores", "memory_gb", "gpus" by name, and "system"."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "system": platform.platform(terse=True),
    }


def processor() -> str:
    """Its model's name."""
    info = Path("/proc/cpuinfo")  # where Linux alone tells it
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
