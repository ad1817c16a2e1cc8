"""The lines definition of the modified Hausdorff distance against the published formula, in one run.

``python -m tests.benchmarks.modified_hausdorff [LABELS] [--threads 2]``, LABELS being a label volume with classes 1 to
3, by default IBSR18's first subject in shared/data. It is compared with a copy in which three voxels of ten have the
label of a random neighbour. The formula is the full float64 matrix of distances between lines, by SciPy's ``cdist``.
Linux only: peak memory is read from /proc.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.networks import one_hot

from monai_nlseg.bench.measure import MemoryGrowth
from monai_nlseg.metrics import compute_modified_hausdorff, evaluation_boxes
from tests.metrics.masks import brute_lines

LABELS = Path(__file__).resolve().parents[3] / "shared" / "data" / "ibsr18" / "IBSR_01" / "IBSR_01_seg.nii.gz"
CROP = (96, 112, 96)
TISSUES = ("CSF", "GM", "WM")


def perturbed(labels: np.ndarray) -> np.ndarray:
    """Three voxels of ten take the label of a random one of their 26 neighbours."""
    rng = np.random.default_rng(0)
    places = np.meshgrid(*[np.arange(size) for size in labels.shape], indexing="ij", sparse=True)
    moved = [
        np.clip(place + rng.integers(-1, 2, labels.shape, dtype=np.int8), 0, size - 1)
        for place, size in zip(places, labels.shape)
    ]
    return np.where(rng.random(labels.shape) < 0.3, labels[tuple(moved)], labels)


def measured(run: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return the result of ``run``, its seconds and the largest growth of the process in MB."""
    memory = MemoryGrowth()
    begin = time.perf_counter()
    result = run()
    return result, time.perf_counter() - begin, (memory.peak() or 0) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", nargs="?", type=Path, default=LABELS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tissue", type=int, default=2, help="class of which the formula is computed (2: GM)")
    options = parser.parse_args()
    if not options.labels.is_file():
        raise SystemExit(f"'{options.labels}' does not exist: give a label volume with classes 1 to 3.")
    torch.set_num_threads(options.threads)

    labels = np.asarray(nib.load(options.labels).dataobj).squeeze().astype(np.uint8)
    y_pred, y = (
        one_hot(torch.from_numpy(each)[None, None], 4, dtype=torch.uint8) for each in (perturbed(labels), labels)
    )
    compute_modified_hausdorff(y_pred[..., :9, :9, :9], y[..., :9, :9, :9])  # pays for what is made once a process
    for definition in ("lines", "surface"):
        values, seconds, grown = measured(
            lambda name=definition: compute_modified_hausdorff(y_pred, y, definition=name)
        )
        named = ", ".join(f"{tissue} {value:.4f}" for tissue, value in zip(TISSUES, values[0].tolist()))
        print(f"{definition}, {list(labels.shape)}, three tissues: {named}; {seconds:.2f} s, {grown:.0f} MB")

    box = evaluation_boxes(y_pred, y, "nonzero")[0]
    middle = [(axis.start + axis.stop) // 2 for axis in box]
    crop = tuple(slice(at - size // 2, at - size // 2 + size) for at, size in zip(middle, CROP))
    channel = slice(options.tissue, options.tissue + 1)
    masks = [each[0, channel][(slice(None), *crop)][None].clone() for each in (y_pred, y)]
    # Best of three, as other work on the machine weighs more on so short a run than on the formula's.
    runs = [measured(partial(compute_modified_hausdorff, *masks)) for _ in range(3)]
    ours, seconds, grown = min(runs, key=lambda run: run[1])
    formula, long, large = measured(lambda: brute_lines(*(mask[0, 0].numpy() for mask in masks)))
    print(f"lines, {list(masks[0].shape[2:])}, {TISSUES[options.tissue - 1]}: {seconds:.3f} s, {grown:.0f} MB")
    print(f"published formula: {long:.1f} s, {large:.0f} MB; the values differ by {abs(formula - ours.item()):.1e}")
    print(f"the published formula takes {long / seconds:.0f} times the time")


if __name__ == "__main__":
    main()
