"""Measure one network in a process of its own: ``python -m monai_nlseg.bench.measure_network NAME SETTINGS RESULT``."""

from __future__ import annotations

import json
import logging
import statistics
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch

from monai_nlseg.bench.measure import MemoryGrowth, faults_of, floor_rate, run_times, wait
from monai_nlseg.bench.networks import NETWORKS, NetworkCase, NetworkSettings
from monai_nlseg.errors import sentence
from monai_nlseg.inferers import StepWindowInferer, inference_cost

# A pass may take this long even if less time is to be spent, such as on the slow alternatives of a quick run.
SHORTEST = 30.0


def measure_network(case: NetworkCase, settings: NetworkSettings) -> dict[str, Any]:
    """Measure the size, cost and time of one network for a single image.

    Args:
        case: the network.
        settings: time, threads and device.

    Returns:
        "title", "shape" (C, H, W) of the input, "parameters", "gmac" (billions of multiply-adds in a pass), "seconds"
        of a pass (median), "best_seconds", "passes" that were timed, "memory_bytes", the growth of the process by the
        first pass, "faults" of a later pass (:func:`monai_nlseg.bench.measure.faults_of`), and "beside", the case it is
        compared with.

    Raises:
        ValueError: if the planner refuses it, or a pass would take longer than the time given.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    torch.manual_seed(0)
    network = case.network().eval()
    parameters = sum(parameter.numel() for parameter in network.parameters())
    image = torch.randn(1, *case.shape)
    with tempfile.TemporaryDirectory() as scratch, torch.inference_mode():
        predict = case.prepare(network, tuple(image.shape), settings.device, Path(scratch))
        # An exported file cannot be traced, so the cost is that of the network that was exported.
        traced = predict if isinstance(predict, torch.nn.Module) else network
        inferer = StepWindowInferer(case.shape[1:], case.shape[1:], activation=None)
        cost = inference_cost(inferer, traced, case.shape, measure=False)
        needed = cost.flops / floor_rate(settings.device, 0.3) / 1e9
        allowed = max(settings.seconds, SHORTEST)
        if needed > allowed:
            raise ValueError(
                f"a pass of {cost.flops / 1e12:.3g} TFLOP takes {needed:.0f} s or more, {allowed:g} s are allowed: "
                f"give --seconds {2 * needed:.0f}"
            )
        image = image.to(settings.device)
        memory = MemoryGrowth(settings.device)
        wait(_first(predict(image)))
        memory_bytes = memory.peak()

        def run() -> None:
            wait(_first(predict(image)))

        times, faults = run_times(run, settings.seconds), faults_of(run)
    return {
        "title": case.title,
        "shape": list(case.shape),
        "parameters": parameters,
        "gmac": cost.flops / 2e9,
        "seconds": statistics.median(times),
        "best_seconds": min(times),
        "passes": len(times),
        "memory_bytes": memory_bytes,
        "faults": faults,
        "beside": case.beside,
    }


def _first(output: Any) -> torch.Tensor:
    """Return the first output, as MONAI's BasicUNetPlusPlus returns a list."""
    tensor: torch.Tensor = output if isinstance(output, torch.Tensor) else output[0]
    return tensor


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    try:
        result = measure_network(NETWORKS[sys.argv[1]], NetworkSettings(**json.loads(sys.argv[2])))
    except Exception as error:
        print(sentence(error))
        sys.exit(1)
    Path(sys.argv[3]).write_text(json.dumps(result))
