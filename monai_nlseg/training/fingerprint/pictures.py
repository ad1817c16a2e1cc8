"""Pictures of some cases, with their labels outlined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from monai_nlseg.cohort.preview import load_preview, write_preview
from monai_nlseg.cohort.report.pictures import pictures
from monai_nlseg.training.cases.case import Classes
from monai_nlseg.training.fingerprint.case import CaseFingerprint
from monai_nlseg.training.fingerprint.fault import Fault
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.fingerprint.image import read_channels, read_image_header
from monai_nlseg.training.fingerprint.label import read_label


@dataclass(frozen=True)
class CasePictures:
    """The pictures of a case.

    Attributes:
        name: name of the case.
        slices: "name", "width", "height" and, as data URIs, "image" and "labels" of each, see
            :func:`monai_nlseg.cohort.report.pictures.pictures`. The labels are numbered from 1 in the order of the
            classes.
    """

    name: str
    slices: Sequence[dict[str, Any]]


def draw_cases(found: Fingerprint, most: int = 12) -> list[CasePictures]:
    """Draw some cases: those that warnings name, as half of them at most, and others at equal steps.

    Args:
        found: the fingerprint.
        most: number of cases at most.

    Returns:
        The pictures; a case whose files have become unreadable is missing.
    """
    drawn = []
    for case in _chosen(found, most):
        try:
            drawn.append(CasePictures(case.name, _draw(case, found.classes)))
        except Fault:
            continue
    return drawn


def paint(label: np.ndarray, classes: Classes) -> np.ndarray:
    """Return a label map with the classes numbered from 1, as many as 8 bits hold; a later class covers an earlier one.

    Args:
        label: integers of any shape, the data set's values.
        classes: what they mean.
    """
    painted = np.zeros(label.shape, np.uint8)
    for number, each in enumerate(classes.foreground[:255], 1):
        painted[np.isin(label, each.values)] = number
    return painted


def _chosen(found: Fingerprint, most: int) -> list[CaseFingerprint]:
    warned = {name for each in found.findings if each.kind == "warning" for name in each.cases}
    suspects = [case for case in found.cases if case.name in warned][: most // 2]
    labelled = [case for case in found.cases if case not in suspects and any(case.thickness.values())]
    steps = np.linspace(0, len(labelled) - 1, min(len(labelled), most - len(suspects))).round().astype(int)
    return [*suspects, *(labelled[step] for step in steps)]


def _draw(case: CaseFingerprint, classes: Classes) -> list[dict[str, Any]]:
    header = read_image_header(case.case)
    label = paint(read_label(case.case, header.grid)[0], classes)
    channels = read_channels(case.case, header, len(case.channels) == 3)
    flat = label.ndim == 2
    # All channels of a picture may be its colours; of others the first is shown.
    image = np.stack([*channels] if flat else [next(channels)])
    affine = header.grid.affine
    if affine is None:
        affine = np.diag([*case.spacing, *[1.0] * (4 - len(case.spacing))])
    with TemporaryDirectory() as folder:
        path = Path(folder, "preview.npz")
        write_preview(path, image, label, affine)
        return pictures(load_preview(path))
