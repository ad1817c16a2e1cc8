"""A cohort run of iSeg-size volumes beside the bare network on the same volume, with one worker and with two.

Run ``python -m tests.benchmarks.cohort`` from the repository's root. The bare time is that of the inferer with its
network on a volume in memory; a run reads, infers, postprocesses, counts, writes, and draws previews.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import nibabel
import numpy as np

from monai_nlseg.cohort import Runner, RunOptions, find_cases, run
from monai_nlseg.cohort.model import Model

BUNDLE = "iseg_mri_nonlocal_unet_segmentation"
SHAPE = (144, 192, 256)


def write_cases(folder: Path, cases: int) -> Path:
    """A list of cases that share two files: ellipsoids with noise, 40 % of the volume."""
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


def bare_seconds(images: list[Path], step: int, batch: int) -> float:
    """Of the network over a volume, the faster of two."""
    model = Model(BUNDLE, {"step": step})
    model.set_batch(batch)
    item = model.read(images)
    taken = []
    for _ in range(2):
        begin = time.perf_counter()
        model.infer(item)
        taken.append(time.perf_counter() - begin)
    return min(taken)


def seconds_a_case(cases_list: Path, output: Path, workers: int, step: int, batch: int) -> tuple[float, float]:
    """From the first round of results to the last case, and of the whole run with its start, over the cases."""
    options = RunOptions(BUNDLE, str(output), overrides={"step": step}, batch=batch)
    cases = find_cases(cases_list)
    begin = time.perf_counter()
    ends = []
    for record in run(cases, options, Runner(workers=workers)):
        assert record["status"] == "done", record["error"]
        ends.append(time.perf_counter())
    return (ends[-1] - ends[workers - 1]) / (len(cases) - workers), (ends[-1] - begin) / len(cases)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=6)
    parser.add_argument("--step", type=int, default=16, help="of the windows; the paper's is 8")
    parser.add_argument("--batch", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = write_cases(folder, options.cases)
        images = [folder / "T1.nii.gz", folder / "T2.nii.gz"]
        bare = bare_seconds(images, options.step, options.batch)
        print(f"bare network: {bare:.2f} s a volume = {3600 / bare:.0f} cases/h")
        for workers in (1, 2):
            steady, whole = seconds_a_case(cases, folder / f"run-{workers}", workers, options.step, options.batch)
            print(
                f"{workers} worker{'s' * (workers > 1)}: {steady:.2f} s a case = {3600 / steady:.0f} cases/h, "
                f"{100 * (steady / bare - 1):+.1f} % over the bare network; with the start {whole:.2f} s a case"
            )


if __name__ == "__main__":
    main()
