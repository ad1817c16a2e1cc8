"""Measurement of engines or networks, one after the other, each in a process of its own."""

from __future__ import annotations

import dataclasses
import json
import math
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import monai
import torch

from monai_nlseg.bench.engines import ENGINES, BenchSettings
from monai_nlseg.bench.measure import load_volume
from monai_nlseg.bench.networks import NETWORKS, RUNTIMES, NetworkSettings
from monai_nlseg.inferers import available_bytes, window_count
from monai_nlseg.machine import processor


def run_bench(settings: BenchSettings, engines: Sequence[str] | None = None, progress: Any = None) -> dict[str, Any]:
    """Measure engines with the same settings.

    Each has a process of its own, which separates thread pools and memory. The floor is measured with every engine, so
    that the two figures of a ratio are measured within seconds.

    Args:
        settings: what is measured.
        engines: keys of :data:`ENGINES`; all by default.
        progress: called with the title of the engine that comes next.

    Returns:
        "machine", "settings", "engines" (key -> what :func:`measure_engine` returns, with "agreement", the share of
        voxels whose label equals that of "engine") and "left_out" (key -> reason).

    Raises:
        ValueError: for an unknown engine, images that do not fit each other, or a window or step that does not fit
            the volume.
    """
    if settings.images:
        settings = dataclasses.replace(settings, shape=tuple(load_volume(settings).shape))
    for step in settings.steps:
        for size in settings.shape[1:]:
            window_count(size, settings.roi_size, step)
    needed, free = 4 * math.prod(settings.shape), available_bytes(torch.device("cpu"))
    if needed > free:
        raise ValueError(f"the volume takes {needed / 1e6:,.0f} MB, {free / 1e6:,.0f} MB are free: give a smaller one.")
    for name in engines or ():
        if name not in ENGINES:
            raise ValueError(f"engine '{name}' is unknown: choose from {', '.join(ENGINES)}.")
    machine = _machine(settings)
    results: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    for name in engines or ENGINES:
        missing = ENGINES[name].missing()
        if missing:
            left_out[name] = f"needs {', '.join(missing)}: pip install 'monai-nlseg[bench]'"
            continue
        if progress is not None:
            progress(ENGINES[name].title)
        result, reason = _in_process("measure", name, settings)
        if result is None:
            left_out[name] = reason
        else:
            results[name] = result
    reference = results.get("engine", {}).get("labels")
    for result in results.values():
        labels = result.pop("labels")
        if reference and labels:
            # An engine with smaller batches has the labels of fewer windows: the first ones.
            result["agreement"] = sum(map(int.__eq__, labels, reference)) / min(len(labels), len(reference))
    return {"machine": machine, "settings": dataclasses.asdict(settings), "engines": results, "left_out": left_out}


def run_networks(
    settings: NetworkSettings, networks: Sequence[str] | None = None, progress: Any = None
) -> dict[str, Any]:
    """Measure networks with the same settings, each in a process of its own.

    Args:
        settings: what is measured.
        networks: keys of :data:`NETWORKS`; all by default.
        progress: called with the title of the network that comes next.

    Returns:
        "machine", "settings", "networks" (key -> what :func:`measure_network` returns) and "left_out" (key -> reason).

    Raises:
        ValueError: for an unknown network, or a GPU where there is none.
    """
    for name in networks or ():
        if name not in NETWORKS:
            raise ValueError(f"network '{name}' is unknown: choose from {', '.join(NETWORKS)}.")
    machine = _machine(settings)
    results: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    for name in networks or NETWORKS:
        case = NETWORKS[name]
        if case.extra in RUNTIMES.values() and settings.device != "cpu":
            left_out[name] = "exported files run on the CPU: give --device cpu"
            continue
        missing = case.missing()
        if missing:
            left_out[name] = f"needs {', '.join(missing)}: pip install 'monai-nlseg[bench]'"
            continue
        if progress is not None:
            progress(f"{case.title} at {case.size}")
        result, reason = _in_process("measure_network", name, settings)
        if result is None:
            left_out[name] = reason
        else:
            results[name] = result
    return {"machine": machine, "settings": dataclasses.asdict(settings), "networks": results, "left_out": left_out}


def _in_process(module: str, name: str, settings: BenchSettings | NetworkSettings) -> tuple[dict[str, Any] | None, str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        options = json.dumps(dataclasses.asdict(settings))
        command = [sys.executable, "-m", f"monai_nlseg.bench.{module}", name, options, str(path)]
        done = subprocess.run(command, capture_output=True, text=True)  # nosec B603
        if done.returncode == 0:
            return json.loads(path.read_text()), ""
    if done.returncode < 0:
        return None, f"ended by signal {-done.returncode}, as when memory runs out"
    # The error stream may end with messages that libraries print at exit.
    lines = [line for line in (done.stdout or done.stderr).splitlines() if line.strip()]
    return None, lines[-1] if lines else f"ended with exit code {done.returncode}"


def _machine(settings: BenchSettings | NetworkSettings) -> dict[str, Any]:
    return {
        "processor": processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": settings.threads or torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if settings.device.startswith("cuda") else "CPU",
        "system": platform.platform(),
        "torch": torch.__version__,
        "monai": monai.__version__,
    }
