"""Draw fetal_head.png: what the LAEDNet bundle makes of validation images of HC18.

``python docs/images/fetal_head.py HC18``, with the folder of the data; the extra ``demo`` for matplotlib. The images
are of HC18 (van den Heuvel et al., 2018, CC BY 4.0).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from monai_nlseg.bundle import run_bundle
from monai_nlseg.data import ultrasound_task
from monai_nlseg.io.pictures import read_grey
from monai_nlseg.transforms import FillContour
from monai_nlseg.visualize import overlay_masks

BUNDLE = "ultrasound_laednet_segmentation"
COUNT = 6


def overlay(axes: Axes, case: dict[str, str], folder: Path) -> None:
    """The image with the prediction in green, the truth in red and both in yellow."""
    pred = read_grey(folder / f"{case['case']}_seg.png") > 0
    truth = FillContour()(read_grey(Path(case["label"]))[None])[0] > 0
    axes.imshow(overlay_masks(read_grey(Path(case["image"])), pred, truth, alpha=0.3))
    dice = 2 * (pred & truth).sum() / (pred.sum() + truth.sum())
    axes.set_title(f"{case['case']}, Dice {100 * dice:.1f}", fontsize=8)
    axes.axis("off")


def draw(dataset: Path, path: Path) -> None:
    task = ultrasound_task("fetal-head")
    validation = task.split(task.read(dataset))[1]
    cases = validation[:: len(validation) // COUNT][:COUNT]
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    with tempfile.TemporaryDirectory() as folder:
        images = [{key: case[key] for key in ("case", "image")} for case in cases]
        places = {"dataset_dir": str(dataset), "data_root_dir": "", "output_dir": folder, "datalist": images}
        run_bundle(BUNDLE, ["inference"], places, logs=False)
        for axes, case in zip(figure.subplots(2, COUNT // 2).ravel(), cases):
            overlay(axes, case, Path(folder))
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(__file__).parent / "fetal_head.png")
