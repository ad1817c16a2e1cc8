"""The demo of a real head that ships in a package."""

from __future__ import annotations

import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
from monai.utils import optional_import

from monai_nlseg.bundle import run_bundle
from monai_nlseg.demo.result import DemoResult, dice, removed_on_failure

BUNDLE = "brain_t1_nonlocal_unet_segmentation"

TISSUES = {"CSF": (1, "tab:blue"), "GM": (2, "tab:green"), "WM": (3, "tab:orange")}


def segment_template(output: Path, bundle: str | Path = BUNDLE) -> DemoResult:
    """Segment the MNI152 T1 template (1 mm, skull-stripped) that ships in nilearn.

    The template's tissue maps, thresholded at 0.5, are the reference, but not the truth for the bundle's labels: the
    bundle learned IBSR18's convention, in which CSF is the ventricles only.

    Args:
        output: folder for the template, the label map (NIfTI) and the picture (PNG).
        bundle: path or name of a bundle for skull-stripped T1 with the labels 0 background, 1 CSF, 2 GM, 3 WM.

    Raises:
        ValueError: if ``bundle`` is not a bundle, or without nilearn and matplotlib.
    """
    datasets, has_nilearn = optional_import("nilearn.datasets")
    _, has_matplotlib = optional_import("matplotlib")
    if not (has_nilearn and has_matplotlib):
        raise ValueError(
            "the demo needs nilearn, where its head ships, and matplotlib: pip install 'monai-nlseg[demo]'."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nilearn announces changes of its defaults
        template = datasets.load_mni152_template(resolution=1)
        maps = {
            "GM": datasets.load_mni152_gm_template(resolution=1),
            "WM": datasets.load_mni152_wm_template(resolution=1),
        }
    image = output / "mni152_t1.nii.gz"
    with removed_on_failure(image):
        nib.save(template, image)
        run_bundle(bundle, ["inference"], {"dataset_dir": str(image), "output_dir": str(output)}, logs=False)

    labels = output / "mni152_t1_seg.nii.gz"
    segmentation = np.asarray(nib.load(labels).dataobj)
    scores = {
        f"{tissue} against the template's own map": dice(
            segmentation == TISSUES[tissue][0], np.asarray(reference.dataobj) > 0.5
        )
        for tissue, reference in maps.items()
    }
    picture = output / "mni152_t1_seg.png"
    plot_overlays(np.asarray(template.dataobj), segmentation, picture)
    return DemoResult(labels, picture, scores)


def plot_overlays(volume: np.ndarray, segmentation: np.ndarray, path: str | Path) -> None:
    """Write a PNG with the middle axial, coronal and sagittal plane, plain and, below, with tissues in colour.

    Args:
        volume: (x, y, z) intensities in RAS orientation.
        segmentation: (x, y, z) labels 0 background, 1 CSF, 2 GM, 3 WM.
        path: file to write.
    """
    figure_class, _ = optional_import("matplotlib.figure", name="Figure")
    colors, _ = optional_import("matplotlib.colors")
    middle = [int(np.median(indices)) for indices in np.nonzero(segmentation)]
    figure = figure_class(figsize=(12, 8), facecolor="black", layout="constrained")
    panels = figure.subplots(2, 3)
    for column, axis in enumerate((2, 1, 0)):
        plane = np.take(volume, middle[axis], axis).T
        tissues = np.take(segmentation, middle[axis], axis).T
        for row in (0, 1):
            panels[row, column].imshow(plane, cmap="gray", origin="lower")
            panels[row, column].axis("off")
        for label, color in TISSUES.values():
            panels[1, column].imshow(
                np.ma.masked_not_equal(tissues, label),
                cmap=colors.ListedColormap([color]),
                alpha=0.55,
                origin="lower",
                interpolation="nearest",
            )
    handles = [panels[1, 0].scatter([], [], color=color, label=name) for name, (_, color) in TISSUES.items()]
    figure.legend(handles=handles, loc="lower center", ncols=3, facecolor="black", labelcolor="white", frameon=False)
    figure.savefig(path, dpi=100)
