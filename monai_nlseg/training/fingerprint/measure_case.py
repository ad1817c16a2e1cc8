"""Measure one case.

MONAI's Auto3DSeg ``DataAnalyzer`` is not used: it reads with MONAI's own readers, which give other affines than this
package's and read no Analyze pairs; it turns every volume to RAS before it looks, so it cannot say in which order the
files store their axes; and it raises at a label map on another grid, where a person needs the list of such cases.
"""

from __future__ import annotations

import hashlib

import numpy as np

from monai_nlseg.training.cases.case import Classes, LabelClass, TrainingCase
from monai_nlseg.training.fingerprint.case import CaseFingerprint
from monai_nlseg.training.fingerprint.fault import CaseFailure, Fault
from monai_nlseg.training.fingerprint.image import read_channels, read_image_header
from monai_nlseg.training.fingerprint.intensity import measure_intensity
from monai_nlseg.training.fingerprint.label import count_values, read_label
from monai_nlseg.training.fingerprint.structure import count_specks, crop, median_width


def measure_case(
    case: TrainingCase, classes: Classes | None = None, colour: bool | None = None
) -> CaseFingerprint | CaseFailure:
    """Measure a case; its label map and one file of its image are in memory at a time.

    Args:
        case: the case.
        classes: what the label values mean; None measures each value as a class that is named after it.
        colour: whether a picture is read in colour; None decides by its pixels.

    Returns:
        The measures, or why the case cannot be used.
    """
    try:
        return _measure(case, classes, colour)
    except Fault as fault:
        return CaseFailure(case, fault.kind, fault.detail)
    except MemoryError:
        return CaseFailure(case, "lost", "there is not enough memory")


def _measure(case: TrainingCase, classes: Classes | None, colour: bool | None) -> CaseFingerprint:
    header = read_image_header(case)
    label, turned = read_label(case, header.grid)
    voxels = count_values(label, classes)
    ignored = classes.ignored if classes else None
    foreground = label != 0 if ignored is None else (label != 0) & (label != ignored)
    intensities, dtype, digest = [], header.dtype, hashlib.blake2b(digest_size=16)
    for values in read_channels(case, header, colour):
        intensities.append(measure_intensity(values, foreground))
        dtype = dtype or values.dtype.name
        _add(digest, values)
    del foreground

    thickness: dict[str, float | None] = {}
    specks: dict[str, int] = {}
    for each in classes.foreground if classes else named_by_value(voxels):
        if not voxels.keys() & each.values:
            thickness[each.name], specks[each.name] = None, 0
            continue  # a table of names may have hundreds that do not occur
        mask = crop(np.isin(label, each.values) if len(each.values) > 1 else label == each.values[0])
        thickness[each.name] = median_width(mask, header.grid.spacing)
        specks[each.name] = count_specks(mask)
    label_digest = hashlib.blake2b(digest_size=16)
    _add(label_digest, label)
    return CaseFingerprint(
        case=case,
        shape=header.grid.shape,
        spacing=header.grid.spacing,
        orientation=header.orientation,
        dtype=dtype,
        channels=tuple(intensities),
        voxels=voxels,
        thickness=thickness,
        specks=specks,
        turned=turned,
        digest=digest.hexdigest(),
        label_digest=label_digest.hexdigest(),
        qform_axes=header.qform_axes,
    )


def named_by_value(voxels: dict[int, int]) -> list[LabelClass]:
    """Return a class for each value of a label map but 0.

    Args:
        voxels: value -> number of voxels.
    """
    return [LabelClass(str(value), (value,)) for value in voxels if value]


def _add(digest: hashlib.blake2b, values: np.ndarray) -> None:
    """Add values to a digest, in whatever type they are stored, a slice at a time."""
    digest.update(str(values.shape).encode())
    for part in np.moveaxis(values, -1, 0) if values.ndim > 2 else [values]:
        digest.update(np.ascontiguousarray(part, np.float64))  # type: ignore[arg-type]
