"""From a prediction to a case's files and figures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from monai_nlseg.cohort.bundle_identity import BundleIdentity
from monai_nlseg.cohort.cases import Case
from monai_nlseg.cohort.dicom_seg import write_dicom_seg
from monai_nlseg.cohort.digests import digest_of
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.cohort.outputs import OutputFolder, save_nifti, save_png
from monai_nlseg.cohort.prediction import Prediction
from monai_nlseg.cohort.preview import write_preview
from monai_nlseg.cohort.records import Record
from monai_nlseg.cohort.staging import Staged
from monai_nlseg.cohort.statistics import label_statistics

__all__ = ["PREVIEWS", "write_result"]

PREVIEWS = ".nlseg/previews"


def write_result(
    case: Case, prediction: Prediction, staged: Staged, options: RunOptions, identity: BundleIdentity
) -> Record:
    """Write what a case has become below ``options.output``, under the case's name.

    Args:
        case: the case.
        prediction: what the bundle has made of it.
        staged: the files it was made from.
        options: of the run.
        identity: of the bundle.

    Returns:
        "outputs", "labels", "entropy", "shape" and "spacing" of its record.

    Raises:
        ValueError: if the format chosen cannot hold the result.
        OSError: if a file cannot be written.
    """
    folder = OutputFolder(options.output)
    _write_labels(folder, case, prediction, staged, options, identity)
    for extra in options.extras:
        _write_extra(folder, case, extra, prediction, options.format, staged.unit)
    if options.previews:
        with folder.file("preview", f"{PREVIEWS}/{case.name}.npz") as path:
            write_preview(path, prediction.image, _flat(prediction), prediction.affine)
    spacing = None if prediction.affine is None else np.linalg.norm(prediction.affine[:3, :3], axis=0)
    volume = None if prediction.affine is None else float(abs(np.linalg.det(prediction.affine[:3, :3]))) / 1000
    labels = np.moveaxis(prediction.labels, 1, 0) if prediction.masks and prediction.frames else prediction.labels
    record = Record(
        outputs=folder.written,
        labels=label_statistics(labels, prediction.names, volume, prediction.masks),
        entropy=None if prediction.entropy is None else round(prediction.entropy, 6),
        shape=list(prediction.spatial_shape),
    )
    if spacing is not None:
        record["spacing"] = [round(float(size), 6) for size in spacing]
    return record


def _write_labels(
    folder: OutputFolder,
    case: Case,
    prediction: Prediction,
    staged: Staged,
    options: RunOptions,
    identity: BundleIdentity,
) -> None:
    form = options.format
    if form == "auto":
        form = "png" if _is_picture(prediction) else "nifti"
    name = f"{case.name}_{options.postfix}"
    if form == "png":
        with folder.file("labels", f"{name}.png") as path:
            save_png(path, _visible(prediction.labels, prediction.names))
    elif form == "nifti":
        with folder.file("labels", f"{name}.nii.gz") as path:
            save_nifti(path, prediction.labels, prediction.affine, prediction.masks, staged.unit)
    else:
        if not staged.dicom:
            raise ValueError(
                f"'{staged.sources[0].name}' is no DICOM, which dicom-seg refers to: choose another format."
            )
        if prediction.masks:
            raise ValueError("the bundle's masks may overlap, which one label map of DICOM SEG cannot: choose nifti.")
        with folder.file("labels", f"{name}.dcm") as path:
            write_dicom_seg(
                path,
                staged.sources,
                prediction.labels[np.newaxis] if _is_picture(prediction) else prediction.labels,
                prediction.affine,
                {int(value): str(value) for value in np.unique(prediction.labels) if value} | dict(prediction.names),
                bundle=identity.name,
                version=identity.version,
                digest=digest_of([options.digest(identity.digest), case.name]),
            )


def _write_extra(folder: OutputFolder, case: Case, extra: str, prediction: Prediction, form: str, unit: str) -> None:
    values: np.ndarray = getattr(prediction, extra)
    picture = _is_picture(prediction) and form in ("auto", "png")
    if extra == "probabilities":
        # Of two exclusive classes, one says it all.
        values = values[-1] if len(values) <= 2 and not prediction.masks and not prediction.frames else values
    if picture and values.ndim == 2:
        with folder.file(extra, f"{case.name}_{extra}.png") as path:
            save_png(path, np.rint(values * 255).astype(np.uint8))
    else:
        with folder.file(extra, f"{case.name}_{extra}.nii.gz") as path:
            save_nifti(path, values, prediction.affine, values.ndim > len(prediction.spatial_shape), unit)


def _is_picture(prediction: Prediction) -> bool:
    return prediction.affine is None and not prediction.frames and not prediction.masks


def _visible(labels: np.ndarray, names: Mapping[int, str]) -> np.ndarray:
    """One label is 255, as in masks of pictures; of several each keeps its value."""
    return labels * np.uint8(255) if len(names) <= 1 and labels.max(initial=0) <= 1 else labels


def _flat(prediction: Prediction) -> np.ndarray:
    """A label map even of masks that overlap: the last one shows."""
    if not prediction.masks:
        return prediction.labels
    axis = 1 if prediction.frames else 0
    numbered = prediction.labels * np.arange(1, prediction.labels.shape[axis] + 1).reshape(
        [-1 if index == axis else 1 for index in range(prediction.labels.ndim)]
    )
    return numbered.max(axis).astype(np.uint8)
