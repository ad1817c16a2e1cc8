"""Print the bytes of tensors that an inference is planned to take, what the process grows by, and the whole plan."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import torch

from monai_nlseg.inferers import StepWindowInferer, inference_cost
from monai_nlseg.networks import optimize_for_inference
from monai_nlseg.networks.nets import NonLocalUNet


def resident(name: str) -> int:
    """Return bytes that Linux counts for this process."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def return_what_is_freed() -> None:
    """Let glibc return each large block, of which it otherwise keeps some, now more and now less."""
    threshold = -3  # M_MMAP_THRESHOLD
    ctypes.CDLL(None).mallopt(threshold, 1 << 17)


def main() -> None:
    return_what_is_freed()
    torch.set_num_threads(2)
    network = optimize_for_inference(NonLocalUNet.paper())
    image = torch.rand(1, 2, 64, 128, 128) + 0.1
    inferer = StepWindowInferer(32, 32, standardize=True)
    cost = inference_cost(inferer, network, image.shape[1:], measure=False)
    inferer.sw_batch_size = cost.sw_batch_size
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    with torch.inference_mode():
        inferer(image, network)
    print(cost.peak_bytes - cost.runtime_bytes, resident("VmHWM") - before, cost.peak_bytes)


if __name__ == "__main__":
    main()
