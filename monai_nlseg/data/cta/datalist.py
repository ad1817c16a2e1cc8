"""Reader of CT angiographies of intracranial blood vessels (IBV)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monai_nlseg.data.checks import select_subjects
from monai_nlseg.data.cta.grid import check_grids, grid_of_volume
from monai_nlseg.data.cta.reader import load_cta
from monai_nlseg.io.directory import require_directory

LAYOUT = "a folder for each patient with image.nii.gz or the DICOM series image/, and label.nii.gz or label/"
MASKS = "label"
"""Name of the file or folder of the vessels, without suffix."""


def cta_datalist(
    dataset_dir: str | Path, subjects: Sequence[str] | None = None, labelled: bool = True, check_content: bool = False
) -> list[dict[str, Any]]:
    """Return a MONAI datalist of CTA volumes, one for each patient.

    The layout is a folder for each patient, which holds the image as ``image.nii.gz``, ``image.nii`` or a folder
    ``image`` with one DICOM series, and the vessels as ``label`` in the same forms. The data of the paper is not
    public, so the layout is this package's. DICOM needs pydicom: each series is read here, to check it.

    Args:
        dataset_dir: the folder that holds the patients' folders.
        subjects: names of the patients to return, in this order; None for all.
        labelled: whether a patient must have a label; otherwise labels are ignored.
        check_content: also read the voxels of all volumes: an image must be finite, a label hold 0 and one other
            value.

    Returns:
        A list of ``{"case": "patient-1", "image": path, "label": path, "subject": "patient-1", "slices": 216}``.

    Raises:
        ValueError: for another layout, a missing image or label, an unreadable or truncated volume, a folder of
            several DICOM series or one with slices missing, a last axis that does not run through the axial slices,
            a shape or affine that differs between image and label, or what ``check_content`` finds.

    Source: DNL-Net, BMC Medical Imaging 22:109 (2022): 4,326 slices of 20 patients for training, 480 of 2 for test.

    Examples::

        >>> from tempfile import TemporaryDirectory
        >>> from monai_nlseg.simulate import simulate_cta
        >>> from monai_nlseg.transforms import LoadSliced
        >>> with TemporaryDirectory() as folder:
        ...     _ = simulate_cta(folder, 1, size=(40, 36, 33))
        ...     slices = cta_slices(cta_datalist(folder))
        ...     middle = LoadSliced(("image", "label"), loader=load_cta)(slices[16])
        >>> middle["case"], middle["image"].shape
        ('patient-001_0016', torch.Size([1, 40, 36]))
    """
    root = require_directory(dataset_dir, LAYOUT)
    folders = {path.name: path for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith(".")}
    if not folders:
        raise ValueError(f"'{root}' holds no folder: expected {LAYOUT}.")
    datalist = []
    for subject in select_subjects(folders, subjects, root):
        files = {key: _find(folders[subject], key) for key in (("image", "label") if labelled else ("image",))}
        grids = {key: grid_of_volume(path) for key, path in files.items()}
        check_grids(subject, grids)
        if check_content:
            _check_content(files)
        paths = {key: str(path) for key, path in files.items()}
        datalist.append({"case": subject} | paths | {"subject": subject, "slices": grids["image"].shape[2]})
    return datalist


def _find(folder: Path, name: str) -> Path:
    found = [path for ending in (".nii.gz", ".nii", "") if (path := folder / f"{name}{ending}").exists()]
    if len(found) != 1:
        have = f"both '{found[0].name}' and '{found[1].name}'" if found else f"no {name}"
        raise ValueError(f"'{folder}' holds {have}: expected one of {name}.nii.gz, {name}.nii and the folder {name}.")
    return found[0]


def _check_content(files: Mapping[str, Path]) -> None:
    for key, path in files.items():
        voxels = load_cta(path).numpy()
        if not np.isfinite(voxels).all():
            raise ValueError(f"{key} '{path}' holds NaN or infinite values: replace them.")
        values = np.unique(voxels) if key == "label" else np.array([0, 1])
        if len(values) != 2 or values[0] != 0:
            raise ValueError(f"label '{path}' holds the values {values[:5].tolist()}: expected 0 and one for vessels.")
