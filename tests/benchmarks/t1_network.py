"""The network of the T1 bundle on windows of 64^3: inference and a training step, as built and optimised.

Run ``python -m tests.benchmarks.t1_network`` from the repository's root. Forms take turns with the convolution whose
rate is the floor; every figure is the best of ``--rounds``. On a shared machine the time of the processor tells more
than that of the clock: both are printed, and the page faults of a pass.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import torch
from monai.losses import DiceCELoss

from monai_nlseg.networks import autocast_forward, channels_last, optimize_for_inference, optimize_for_training
from monai_nlseg.networks.footprint import forward_footprint
from monai_nlseg.networks.nets import NonLocalUNet

FLOOR = "floor"
FLOOR_FLOPS = 4 * 32**3 * 2 * 27 * 32 * 32


def measure(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, ...]]:
    """Return the least seconds, seconds of the processor by thread, and page faults of each run."""
    best: dict[str, tuple[float, ...]] = {}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            faults, processor, clock = _faults(), time.process_time(), time.perf_counter()
            run()
            clock, processor = time.perf_counter() - clock, time.process_time() - processor
            figures = clock, processor / torch.get_num_threads(), _faults() - faults
            if turn:  # the first sets up what a process sets up once
                best[name] = tuple(map(min, figures, best.get(name, figures)))
    return best


def report(title: str, best: dict[str, tuple[float, ...]], flops: float) -> None:
    clock, processor, _ = best.pop(FLOOR)
    print(f"{title}: {flops / 1e9:.0f} GFLOP, floor {FLOOR_FLOPS / clock / 1e9:.0f} GFLOP/s")
    for name, figures in best.items():
        floors = [seconds / (flops * floor / FLOOR_FLOPS) for seconds, floor in zip(figures, (clock, processor))]
        print(
            f"  {name}: {figures[0]:.2f} s, {floors[0]:.2f} x floor; by the processor's time {figures[1]:.2f} s, "
            f"{floors[1]:.2f} x floor; {figures[2]:,.0f} page faults"
        )


def build() -> NonLocalUNet:
    torch.manual_seed(0)
    return NonLocalUNet.released(in_channels=1, dropout=0.1, norm=("instance", {"affine": True}))


def step(network: torch.nn.Module, windows: torch.Tensor, labels: torch.Tensor) -> Callable[[], object]:
    loss = DiceCELoss(to_onehot_y=True, softmax=True, batch=True, include_background=False)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)

    def run() -> None:
        optimizer.zero_grad()
        loss(network(windows), labels).backward()
        optimizer.step()

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=64, help="voxels of a window's edge")
    parser.add_argument("--batch", type=int, default=2)
    options = parser.parse_args()
    windows = torch.randn(options.batch, 1, *[options.size] * 3)
    labels = torch.randint(0, 4, windows.shape)
    layer = channels_last(torch.nn.Conv3d(32, 32, 3, padding=1, bias=False)).requires_grad_(False)
    floor = torch.randn(4, 32, 32, 32, 32).contiguous(memory_format=torch.channels_last_3d)
    flops = forward_footprint(build().eval(), windows.shape).flops

    forms = {
        "as built": channels_last(build().eval()),
        "optimised": optimize_for_inference(build()),
        "optimised, bfloat16": autocast_forward(optimize_for_inference(build()), "cpu", "bfloat16"),
    }
    runs = {name: torch.inference_mode()(lambda form=form: form(windows)) for name, form in forms.items()}
    report("inference", measure({FLOOR: lambda: layer(floor), **runs}, options.rounds), flops)

    forms = {
        "as built": channels_last(build()),
        "optimised": optimize_for_training(build()),
        "optimised, bfloat16": autocast_forward(optimize_for_training(build()), "cpu", "bfloat16"),
    }
    runs = {name: step(form.train(), windows, labels) for name, form in forms.items()}
    # A backward pass computes each product twice: for its input and for its weights.
    report("training step", measure({FLOOR: lambda: layer(floor), **runs}, options.rounds), 3 * flops)


def _faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


if __name__ == "__main__":
    main()
