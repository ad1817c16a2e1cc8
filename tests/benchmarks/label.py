"""Inference over REST, by this package's app and by MONAI Label's own, beside the bare inferer on the same volume.

Run ``python -m tests.benchmarks.label`` from the repository's root, by the Python of MONAI Label's environment. The
bare time is that of the bundle's inferer with its optimised network on a volume in memory; a request reads, infers,
postprocesses, writes and sends. Scores are not computed meanwhile, unless MONAI_LABEL_AUTO_UPDATE_SCORING is "true".
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from monai_nlseg.bundle import find_bundle
from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.label import write_app
from tests.label.server import STOCK, running
from tests.label.studies import write_t1

BUNDLE = "brain_t1_nonlocal_unet_segmentation"


def seconds(what: Callable[[], object], times: int) -> float:
    """Return the median seconds of some calls after a first one."""
    what()
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        what()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def stock_app(folder: Path) -> Path:
    """Download MONAI Label's own app and put the bundle into it."""
    command = [sys.executable, "-m", "monailabel.main", "apps", "--download", "--name", "monaibundle"]
    subprocess.run([*command, "--output", str(folder)], check=True, capture_output=True)
    shutil.copytree(find_bundle(BUNDLE), folder / "monaibundle" / "model" / BUNDLE)
    return folder / "monaibundle"


def main() -> None:
    """Print one line for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", type=int, nargs=3, default=[112, 112, 96], help="voxels")
    parser.add_argument("--times", type=int, default=3, help="requests that are timed")
    options = parser.parse_args()
    threads = os.environ.get("OMP_NUM_THREADS", str(os.cpu_count()))
    os.environ.setdefault("MONAI_LABEL_AUTO_UPDATE_SCORING", "false")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image, _ = write_t1(folder / "studies", "volume", 0, tuple(options.shape))
        model = Model(BUNDLE)
        item = model.read([image])
        bare = seconds(lambda: model.infer(item), options.times)
        shape = " x ".join(map(str, options.shape))
        print(f"{shape} voxels, {threads} threads; bare inferer: {bare:.2f} s", flush=True)
        write_app(folder / "app", [BUNDLE])
        apps: Mapping[str, tuple[Path, Mapping[str, str]]] = {
            "nlseg label-app": (folder / "app", {}),
            "monaibundle": (stock_app(folder), STOCK),
        }
        for title, (app, conf) in apps.items():
            with running(app, folder / "studies", [BUNDLE], conf, OMP_NUM_THREADS=threads) as server:
                over = seconds(lambda: server.infer(BUNDLE, "volume").raise_for_status(), options.times)
            print(f"{title}: {over:.2f} s a request, {over / bare:.2f} of the bare inferer", flush=True)


if __name__ == "__main__":
    main()
