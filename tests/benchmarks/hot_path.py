"""The gain of each step of the hot path for the paper model, in one process.

Run ``python -m tests.benchmarks.hot_path`` from the repository's root. Every figure is the best of the runs that fit
``--seconds``; the floor is measured before and after.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F

from monai_nlseg.bench.measure import best_time, floor_rate
from monai_nlseg.networks import channels_last, fold_batch_norm, optimize_for_inference
from monai_nlseg.networks.kernels import compiled_attention, load_attention_kernel
from monai_nlseg.networks.nets import NonLocalUNet

GFLOP = 30.74
# (heads, queries, keys, channels) of the three attentions for a window of 32^3.
ATTENTIONS = {"second up-sampling": (1, 32768, 4096, 32), "first": (1, 4096, 512, 64), "bottom": (2, 512, 512, 64)}


def attentions(seconds: float) -> None:
    for name, (heads, rows, keys, width) in ATTENTIONS.items():
        query, key, value = (torch.randn(1, heads, length, width) for length in (rows, keys, keys))
        views = [operand.transpose(2, 3).contiguous().transpose(2, 3) for operand in (query, key, value)]
        forms: dict[str, Callable[[], torch.Tensor]] = {
            "PyTorch, transposed views": lambda: F.scaled_dot_product_attention(*views),  # noqa: B023
            "PyTorch, contiguous": lambda: F.scaled_dot_product_attention(query, key, value),  # noqa: B023
            "compiled": lambda: compiled_attention(query, key, value),  # noqa: B023
        }
        for form, run in forms.items():
            taken = best_time(run, seconds)
            flops = 4 * heads * rows * keys * width
            print(f"attention, {name}, {form}: {1e3 * taken:.1f} ms, {flops / taken / 1e9:.0f} GFLOP/s")


def networks(seconds: float) -> None:
    plain = NonLocalUNet.paper().eval()
    forms = {
        "plain": plain,
        "channels last": channels_last(copy.deepcopy(plain)),
        "and batch norm folded": fold_batch_norm(channels_last(copy.deepcopy(plain))),
        "and compiled attention": optimize_for_inference(copy.deepcopy(plain), "compiled"),
    }
    before = floor_rate("cpu", seconds)
    times = {}
    for name, network in forms.items():
        for batch in (1, 2, 4, 8):
            windows = torch.randn(batch, 2, 32, 32, 32)
            times[name, batch] = best_time(lambda: network(windows), seconds) / batch  # noqa: B023
    floor = GFLOP / max(before, floor_rate("cpu", seconds))
    for (name, batch), taken in times.items():
        print(f"{name}, batch {batch}: {1e3 * taken:.0f} ms per window, {taken / floor:.2f} x floor")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    seconds = parser.parse_args().seconds
    load_attention_kernel()  # compiles it where the cache does not have it
    with torch.inference_mode():
        attentions(seconds)
        networks(seconds)


if __name__ == "__main__":
    main()
