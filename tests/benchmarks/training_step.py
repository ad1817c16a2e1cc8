"""Training step of the paper model (forward, backward, Adam; batch 5) beside its form with explicit attention.

Run ``python -m tests.benchmarks.training_step`` from the repository's root; each form gets a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

import torch

from monai_nlseg.bench.explicit_attention import use_explicit_attention
from monai_nlseg.bench.measure import MemoryGrowth
from monai_nlseg.networks import channels_last
from monai_nlseg.networks.nets import NonLocalUNet


def measure(form: str, batch: int, steps: int) -> dict[str, float]:
    """Seconds of the fastest step after the first, and the bytes by which the process grew."""
    torch.manual_seed(0)
    network = NonLocalUNet.paper(attention_dropout=0.0).train()
    network = use_explicit_attention(network) if form == "explicit" else channels_last(network)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    windows, labels = torch.randn(batch, 2, 32, 32, 32), torch.randint(0, 4, (batch, 32, 32, 32))
    memory = MemoryGrowth()
    times = []
    for _ in range(steps + 1):
        begin = time.perf_counter()
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(windows), labels).backward()
        optimizer.step()
        times.append(time.perf_counter() - begin)
    return {"seconds": min(times[1:]), "bytes": memory.peak() or 0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--form", choices=["engine", "explicit"], help="measure one form in this process")
    options = parser.parse_args()
    if options.form:
        print(json.dumps(measure(options.form, options.batch, options.steps)))
        return
    results = {}
    for form in ("engine", "explicit"):
        command = [sys.executable, "-m", "tests.benchmarks.training_step", "--form", form]
        command += ["--batch", str(options.batch), "--steps", str(options.steps)]
        results[form] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"{form}: {results[form]['seconds']:.2f} s per step, {results[form]['bytes'] / 1e6:.0f} MB")
    ours, theirs = results["engine"], results["explicit"]
    print(
        f"{theirs['seconds'] / ours['seconds']:.1f} times as fast, {ours['bytes'] / theirs['bytes']:.2f} of the memory"
    )


if __name__ == "__main__":
    main()
