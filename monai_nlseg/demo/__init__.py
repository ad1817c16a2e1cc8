"""Segment images that ship in packages, or simulated ones, with the weights that ship in the bundles."""

from __future__ import annotations

from pathlib import Path

from monai_nlseg.demo import brain, image
from monai_nlseg.demo.result import DemoResult

__all__ = ["TASKS", "DemoResult", "run_demo"]

TASKS = ("brain", *image.SOURCES)


def run_demo(task: str, output_dir: str | Path, bundle: str | Path | None = None) -> DemoResult:
    """Segment one image of a task and draw the result.

    Args:
        task: "brain" (the MNI152 template), "retina" (the photograph that ships in scikit-image), "breast" or
            "fetal-head" (a simulated ultrasound image each).
        output_dir: folder of the image, its segmentation and the picture; made if it is missing.
        bundle: path or name of a bundle other than the one for the task.

    Raises:
        ValueError: for an unknown task, for what is no bundle, or where the image's package is missing.
    """
    if task not in TASKS:
        raise ValueError(f"task {task!r} is unknown: choose of {', '.join(TASKS)}.")
    output = Path(output_dir).resolve()
    output.mkdir(parents=True, exist_ok=True)
    if task == "brain":
        return brain.segment_template(output, bundle or brain.BUNDLE)
    return image.segment_image(task, output, bundle or image.SOURCES[task].bundle)
