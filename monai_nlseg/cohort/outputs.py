"""Label maps as files: NIfTI, PNG, DICOM SEG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import MetaTensor, NibabelWriter

from monai_nlseg.cohort.cases import Case
from monai_nlseg.cohort.model import Prediction
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.data.simulate.folder import save_image
from monai_nlseg.files import written_beside

__all__ = ["write_outputs"]


def write_outputs(case: Case, prediction: Prediction, options: RunOptions) -> Mapping[str, Any]:
    """Write what a case has become, below ``options.output`` under the case's name.

    Returns:
        "outputs": kind -> path below the output folder; "volumes": label -> voxels and, where the grid has a size, ml.
    """
    labels = np.asarray(prediction.labels)[0]
    form = options.format
    if form == "auto":
        form = "png" if labels.ndim == 2 else "nifti"
    outputs = {"labels": _write_labels(case, prediction, options, form)}
    return {"outputs": outputs, "volumes": _volumes(labels, prediction.labels)}


def _write_labels(case: Case, prediction: Prediction, options: RunOptions, form: str) -> str:
    name = f"{case.name}_{options.postfix}"
    if form == "png":
        path = options.output / f"{name}.png"
        labels = np.asarray(prediction.labels)[0]
        if labels.ndim != 2:
            raise ValueError(f"PNG holds images of two axes, this label map has {labels.ndim}: choose the format nifti.")
        save_image(path, labels.astype(np.uint8))
    else:
        path = options.output / f"{name}.nii.gz"
        _write_nifti(prediction.labels, path)
    return path.relative_to(options.output).as_posix()


def _write_nifti(labels: MetaTensor, path: Path) -> None:
    writer = NibabelWriter(output_dtype=np.uint8)
    writer.set_data_array(np.asarray(labels), channel_dim=0)
    writer.set_metadata({"affine": labels.affine}, resample=False)
    with written_beside(path) as beside:
        writer.write(beside, verbose=False)


def _volumes(labels: np.ndarray, grid: MetaTensor) -> dict[str, dict[str, float]]:
    spacing = np.asarray(grid.pixdim)[: labels.ndim]
    voxel = float(np.prod(spacing)) / 1000 if labels.ndim == 3 else None
    found = {}
    for label, count in zip(*np.unique(labels, return_counts=True)):
        if label:
            found[str(int(label))] = {"voxels": int(count)} | ({"ml": round(int(count) * voxel, 6)} if voxel else {})
    return found
