"""Properties of the machine: processor, memory, GPUs."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import psutil
import torch
from monai.utils import optional_import

# Files in which Linux gives the limit and the use of a container's memory (cgroup versions 2 and 1), and the name of
# the cached part of the use.
CGROUPS = (
    ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def machine() -> dict[str, Any]:
    """Return the "processor", "cores", "memory_gb", the names of the "gpus", and the "system" of this machine."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "system": platform.platform(terse=True),
    }


def processor() -> str:
    """Return the model name of the processor."""
    info = Path("/proc/cpuinfo")  # only on Linux
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def free_memory() -> int:
    """Return the bytes of memory that can still be allocated, within the limit of a container if there is one."""
    available = psutil.virtual_memory().available
    for folder, limit, used, cache in CGROUPS:
        files = [Path(folder) / name for name in (limit, used, "memory.stat")]
        if all(file.is_file() for file in files) and files[0].read_text().strip() != "max":
            statistics = dict(line.split() for line in files[2].read_text().splitlines())
            # Cached files count as used, but the system frees their memory on demand.
            taken = int(files[1].read_text()) - int(statistics.get(cache, 0))
            available = min(available, int(files[0].read_text()) - taken)
    return max(available, 0)


def minor_faults() -> int | None:
    """Return how many pages of memory the system has handed to this process so far; None where it does not count."""
    resource, counts = optional_import("resource")  # not on Windows
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_minflt) if counts else None
