"""Files and figures of a case, made from a prediction."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from monai_nlseg.bundle.identity import BundleIdentity
from monai_nlseg.bundle.runtime.prediction import Prediction
from monai_nlseg.cohort.cases.case import Case
from monai_nlseg.cohort.options import AUTO, RunOptions
from monai_nlseg.cohort.preview import write_preview
from monai_nlseg.cohort.records import LabelStatistics, Record
from monai_nlseg.io.digests import digest_of
from monai_nlseg.io.formats import LABEL_MAPS
from monai_nlseg.io.outputs import OutputFolder
from monai_nlseg.io.segmentations import Origin, Segmentation, write_segmentation
from monai_nlseg.io.segmentations.nifti import save_nifti
from monai_nlseg.io.segmentations.png import save_png
from monai_nlseg.io.staging import Staged

PREVIEWS = ".nlseg/previews"


def write_result(
    case: Case, prediction: Prediction, staged: Staged, options: RunOptions, identity: BundleIdentity
) -> Record:
    """Write the result of a case below ``options.output``, under the case's name.

    Args:
        case: the case.
        prediction: the bundle's result for the case.
        staged: the files that it was made from.
        options: options of the run.
        identity: identity of the bundle.

    Returns:
        "outputs", "labels", "entropy", "shape" and "spacing" of its record.

    Raises:
        ValueError: if the format chosen cannot hold the result.
        OSError: if a file cannot be written.
    """
    folder = OutputFolder(options.output)
    segmentation = _segmentation(case, prediction, staged, options, identity)
    format = options.format if options.format != AUTO else "png" if segmentation.is_picture else "nifti"
    with folder.file("labels", f"{case.name}_{options.postfix}{LABEL_MAPS[format].written}") as path:
        write_segmentation(path, format, segmentation)
    for extra in options.extras:
        picture = segmentation.is_picture and format == "png"
        _write_extra(folder, case, extra, prediction, picture, staged.unit)
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


def _segmentation(
    case: Case, prediction: Prediction, staged: Staged, options: RunOptions, identity: BundleIdentity
) -> Segmentation:
    return Segmentation(
        labels=prediction.labels,
        affine=prediction.affine,
        masks=prediction.masks,
        frames=prediction.frames,
        names=prediction.names,
        unit=staged.unit,
        white=not prediction.final,
        origin=Origin(
            sources=staged.sources,
            dicom=staged.dicom,
            bundle=identity.name,
            version=identity.version,
            digest=digest_of([options.digest(identity.digest), case.name]),
        ),
    )


def _write_extra(
    folder: OutputFolder, case: Case, extra: str, prediction: Prediction, picture: bool, unit: str
) -> None:
    values: np.ndarray = getattr(prediction, extra)
    if extra == "probabilities":
        # The second of two exclusive classes implies the first.
        values = values[-1] if len(values) <= 2 and not prediction.masks and not prediction.frames else values
    if picture and values.ndim == 2:
        with folder.file(extra, f"{case.name}_{extra}.png") as path:
            save_png(path, np.rint(values * 255).astype(np.uint8))
    else:
        with folder.file(extra, f"{case.name}_{extra}.nii.gz") as path:
            save_nifti(path, values, prediction.affine, values.ndim > len(prediction.spatial_shape), unit)


def _flat(prediction: Prediction) -> np.ndarray:
    """Return one label map; where masks overlap, it shows the last."""
    if not prediction.masks:
        return prediction.labels
    axis = 1 if prediction.frames else 0
    numbered = prediction.labels * np.arange(1, prediction.labels.shape[axis] + 1).reshape(
        [-1 if index == axis else 1 for index in range(prediction.labels.ndim)]
    )
    return numbered.max(axis).astype(np.uint8)


def label_statistics(
    labels: np.ndarray, names: Mapping[int, str], voxel_ml: float | None, masks: bool = False
) -> dict[str, LabelStatistics]:
    """Count the voxels and the connected components of each label that is named or found, and compute its volume.

    Args:
        labels: (*spatial) integers, 0 is background; with ``masks`` (masks, *spatial) of 0 and 1, where mask i is label
            i + 1.
        names: label -> name; other labels are named by their value.
        voxel_ml: millilitres of a voxel; None for images without a size in space.
        masks: whether ``labels`` holds masks, which may overlap.

    Returns:
        str(label) -> statistics; the voxels of a component share faces.
    """
    if masks:
        boxes = {index + 1: mask for index, mask in enumerate(labels)}
    else:
        found = ndimage.find_objects(labels)
        boxes = {value: labels[box] == value for value, box in enumerate(found, 1) if box is not None}
    statistics: dict[str, LabelStatistics] = {}
    for value in sorted({*boxes, *names} - {0}):
        mask = boxes.get(value, np.zeros((1,), bool))
        voxels = int(np.count_nonzero(mask))
        about = LabelStatistics(
            name=names.get(value, str(value)), voxels=voxels, components=int(ndimage.label(mask)[1])
        )
        if voxel_ml is not None:
            about["ml"] = round(voxels * voxel_ml, 6)
        statistics[str(value)] = about
    return statistics
