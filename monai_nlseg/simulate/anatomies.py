"""Anatomies to simulate from: soft maps of CSF, GM and WM on a 1 mm grid."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from monai.utils import optional_import
from nibabel.orientations import apply_orientation, io_orientation
from scipy.ndimage import distance_transform_edt

from monai_nlseg.io.directory import require_directory
from monai_nlseg.io.volumes import read_volume

FREESURFER_TISSUES = {
    "CSF": (4, 5, 14, 15, 24, 30, 31, 43, 44, 62, 63, 72, 136, 137, 163, 164),
    "GM": (3, 9, 10, 11, 12, 13, 17, 18, 26, 42, 48, 49, 50, 51, 52, 53, 54, 58),
    "WM": (2, 25, 28, 41, 57, 60, 77, 85, 251, 252, 253, 254, 255),
}
"""FreeSurfer labels of each tissue: ventricles with choroid plexus (136, 137, 163, 164 in the maps of SynthSeg) and
vessels, extra-cerebral CSF; cortex and deep grey; white matter with lesions, chiasm and ventral diencephalon.
Cerebellum, brain stem and everything else count as outside, as iSeg-2017 removes the first two."""

CSF_REACH_MM = 8.0

Anatomy = Callable[[], np.ndarray]
"""A function that reads maps of CSF, GM and WM: (3, x, y, z) float32 in [0, 1], in RAS orientation, cropped to the
brain."""


def freesurfer_anatomies(folder: str | Path) -> list[Anatomy]:
    """Return the individuals of a folder of FreeSurfer-style label maps, sorted by file name.

    Args:
        folder: folder of NIfTI label maps with voxels of 1 mm.

    Raises:
        ValueError: for a missing or empty folder; reading an anatomy raises it for an unreadable map or one without
            any of :data:`FREESURFER_TISSUES`.
    """
    root = require_directory(folder, "FreeSurfer-style label maps (NIfTI)")
    files = sorted(path for path in root.iterdir() if path.name.endswith((".nii", ".nii.gz")))
    if not files:
        raise ValueError(f"'{root}' holds no .nii or .nii.gz label map: give a folder of FreeSurfer-style maps.")
    return [lambda path=path: _freesurfer_maps(path) for path in files]  # type: ignore[misc]


def mni152_anatomies() -> list[Anatomy]:
    """Return one average adult: the MNI152 tissue maps that ship in nilearn.

    CSF is what the template's brain mask holds beyond GM and WM. The cerebellum stays, unlike in iSeg-2017, because the
    maps do not separate it.

    Raises:
        ValueError: without nilearn.
    """
    datasets, found = optional_import("nilearn.datasets")
    if not found:
        raise ValueError("the default anatomy ships in nilearn, which is missing: pip install 'monai-nlseg[demo]'.")

    def read() -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nilearn announces changes of its defaults
            brain = datasets.load_mni152_template(resolution=1).get_fdata(dtype=np.float32) > 0
            grey = datasets.load_mni152_gm_template(resolution=1).get_fdata(dtype=np.float32)
            white = datasets.load_mni152_wm_template(resolution=1).get_fdata(dtype=np.float32)
        return _crop(np.stack([brain * np.clip(1 - grey - white, 0, 1), grey, white]))

    return [read]


def _freesurfer_maps(path: Path) -> np.ndarray:
    volume = read_volume(path)
    labels = apply_orientation(volume.values, io_orientation(volume.affine))
    maps = np.stack([np.isin(labels, tissue) for tissue in FREESURFER_TISSUES.values()]).astype(np.float32)
    if not all(tissue.any() for tissue in maps):
        raise ValueError(
            f"'{path}' lacks one of the tissues {list(FREESURFER_TISSUES)}: give FreeSurfer labels "
            "such as 24 (CSF), 3 and 42 (cortex), 2 and 41 (white matter)."
        )
    # What surrounds the removed brain stem and cerebellum goes with them.
    maps[0] *= distance_transform_edt(~maps[1:].any(axis=0)) <= CSF_REACH_MM
    return _crop(maps)


def _crop(maps: np.ndarray) -> np.ndarray:
    x, y, z = (slice(axis.min(), axis.max() + 1) for axis in np.nonzero(maps.any(axis=0)))
    return maps[:, x, y, z].astype(np.float32)
