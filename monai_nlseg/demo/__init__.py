"""`nlseg demo`: images that ship in packages, or simulated ones, segmented with the weights of the bundles."""

from __future__ import annotations

from pathlib import Path

from monai_nlseg.bundle import find_bundle
from monai_nlseg.demo import brain, image
from monai_nlseg.demo.result import DemoResult

__all__ = ["TASKS", "DemoResult", "run_demo"]

TASKS = ("brain", *image.SOURCES)


def run_demo(task: str, output_dir: str | Path, bundle: str | Path | None = None) -> DemoResult:
    """Segment one image of a task and draw the result.

    Args:
        task: "brain" (the MNI152 template), "retina" (the photograph that ships in scikit-image), "breast" or
            "fetal-head" (one simulated ultrasound image).
        output_dir: folder of the image, its segmentation and the picture; created if it is missing.
        bundle: path or name of a bundle; None for the one made for the task.

    Raises:
        ValueError: for an unknown task, for a path that is not a bundle, or if the image's package is missing.
    """
    if task not in TASKS:
        raise ValueError(f"task {task!r} is unknown: choose from {', '.join(TASKS)}.")
    own = brain.BUNDLE if task == "brain" else image.SOURCES[task].bundle
    root = find_bundle(own if bundle is None else bundle)
    output = Path(output_dir).resolve()
    output.mkdir(parents=True, exist_ok=True)
    if task == "brain":
        return brain.segment_template(output, root)
    return image.segment_image(task, output, root)
