"""A cohort run of iSeg-size volumes beside the bare network on the same volume, with one worker and with two.

Run ``python -m tests.benchmarks.cohort`` from the repository's root. The bare time is that of the inferer with its
network on a volume in memory; a run reads, infers, postprocesses, counts, writes, and draws previews. Besides the time
that passes, which others on the machine change, the time that cores work is given: where the network keeps them all
busy, what a run adds to that is what it adds to a case.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import psutil

from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.cohort import Runner, RunOptions, find_cases, run

BUNDLE = "iseg_mri_nonlocal_unet_segmentation"
SHAPE = (144, 192, 256)


@dataclass(frozen=True)
class Cost:
    """The cost of a case: seconds that pass, and seconds that cores work."""

    passed: float
    worked: float

    def over(self, bare: Cost) -> str:
        """Return in words how much more this is than the cost of the bare network."""
        passed, worked = self.passed / bare.passed, self.worked / bare.worked
        return f"{100 * (passed - 1):+.1f} % of time and {100 * (worked - 1):+.1f} % of work over the bare network"


def write_cases(folder: Path, cases: int) -> Path:
    """Write a list of cases that share two files: ellipsoids with noise, 40 % of the volume."""
    axes = np.meshgrid(*(np.linspace(-1, 1, size) for size in SHAPE), indexing="ij")
    inside = sum((axis / 0.91) ** 2 for axis in axes) < 1
    noise = np.random.default_rng(0)
    names = []
    for name in ("T1", "T2"):
        voxels = np.where(inside, noise.integers(100, 900, SHAPE), 0).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), folder / f"{name}.nii.gz")
        names.append(f"{name}.nii.gz")
    rows = [{"case": f"case-{index}", "image": names} for index in range(cases)]
    (folder / "cases.json").write_text(json.dumps(rows))
    return folder / "cases.json"


def bare_cost(images: list[Path], step: int, batch: int, times: int) -> Cost:
    """Measure the mean cost of the network over a volume."""
    model = Model(BUNDLE, {"step": step})
    model.set_batch(batch)
    item = model.read(images)
    passed, worked = time.perf_counter(), time.process_time()
    for _ in range(times):
        model.infer(item)
    return Cost((time.perf_counter() - passed) / times, (time.process_time() - worked) / times)


def run_cost(cases_list: Path, output: Path, workers: int, step: int, batch: int) -> tuple[Cost, float]:
    """Measure the mean cost of a case after the first round of results, and the seconds until the first result."""
    options = RunOptions(BUNDLE, str(output), overrides={"step": step}, batch=batch)
    cases = find_cases(cases_list)
    begin = time.perf_counter()
    passed, worked = [], []
    for record in run(cases, options, Runner(workers=workers), report=False):
        assert record["status"] == "done", record["error"]
        passed.append(time.perf_counter())
        times = [child.cpu_times() for child in psutil.Process().children()]
        worked.append(sum(each.user + each.system for each in times))
    count = len(cases) - workers
    cost = Cost((passed[-1] - passed[workers - 1]) / count, (worked[-1] - worked[workers - 1]) / count)
    return cost, passed[0] - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=6)
    parser.add_argument("--step", type=int, default=16, help="of the windows; the paper's is 8")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=2, help="of the bare network")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = write_cases(folder, options.cases)
        images = [folder / "T1.nii.gz", folder / "T2.nii.gz"]
        bare = bare_cost(images, options.step, options.batch, options.repeats)
        rate = 3600 / bare.passed
        print(f"bare network: {bare.passed:.2f} s per volume = {rate:.0f} cases/h, {bare.worked:.2f} s of work")
        for workers in options.workers:
            cost, first = run_cost(cases, folder / f"run-{workers}", workers, options.step, options.batch)
            print(
                f"{workers} worker(s): {cost.passed:.2f} s per case = {3600 / cost.passed:.0f} cases/h, "
                f"{cost.worked:.2f} s of work, {cost.over(bare)}; the first case after {first:.2f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
