from __future__ import annotations

import numpy as np
import pytest

from monai_nlseg.data import cta_datalist, cta_slices
from tests.data.cta.files import SHAPE, save, voxels
from tests.data.images import truncate


def test_volumes_and_slices(folder):
    datalist = cta_datalist(folder, check_content=True)
    assert datalist[0] == {
        "case": "patient-1",
        "image": str(folder / "patient-1" / "image.nii.gz"),
        "label": str(folder / "patient-1" / "label.nii.gz"),
        "subject": "patient-1",
        "slices": 5,
    }
    assert [entry["case"] for entry in cta_datalist(folder, ["patient-2"])] == ["patient-2"]
    slices = cta_slices(datalist)
    assert len(slices) == 10
    assert slices[6] == {
        "case": "patient-2_0001",
        "image": str(folder / "patient-2" / "image.nii"),
        "label": str(folder / "patient-2" / "label.nii"),
        "subject": "patient-2",
        "slice": 1,
    }
    (folder / "patient-1" / "label.nii.gz").unlink()
    assert "label" not in cta_datalist(folder, labelled=False)[0]


def _image(folder):
    return folder / "patient-1" / "image.nii.gz"


def _label(folder):
    return folder / "patient-1" / "label.nii.gz"


SAGITTAL = np.array([[0, 0, 0.6, 0], [0.5, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: _label(folder).unlink(), "patient-1' holds no label: expected one of label.nii.gz"),
        (lambda folder: _image(folder).unlink(), "patient-1' holds no image"),
        (lambda folder: save(folder / "patient-1" / "image.nii", voxels()), "both 'image.nii.gz' and 'image.nii'"),
        (lambda folder: save(_label(folder), np.zeros((8, 6, 4), np.uint8)), r"label has shape \(8, 6, 4\), image \(8"),
        (lambda folder: save(_label(folder), np.ones(SHAPE, np.uint8), np.eye(4)), "affine of label differs"),
        (
            lambda folder: save(_image(folder), np.stack([voxels()] * 2, -1)),
            r"has shape \(8, 6, 5, 2\): expected a volume",
        ),
        (lambda folder: save(_image(folder), voxels(), SAGITTAL), "axes run ASR: turn it so that the last runs S or I"),
        (lambda folder: _image(folder).write_bytes(b"no volume"), "not a readable NIfTI"),
        (lambda folder: truncate(folder / "patient-2" / "image.nii"), "image.nii' is truncated"),
        (lambda folder: save(_image(folder), np.full(SHAPE, np.nan, np.float32)), "holds NaN or infinite values"),
        (lambda folder: save(_label(folder), voxels()), r"holds the values \[.*\]: expected 0 and one for vessels"),
        (lambda folder: save(_label(folder), np.zeros(SHAPE, np.uint8)), r"holds the values \[0\]: expected 0 and one"),
    ],
)
def test_damage_is_named(folder, damage, words):
    damage(folder)
    with pytest.raises(ValueError, match=words):
        cta_datalist(folder, check_content=True)


def test_what_is_not_there(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty' holds no folder: expected a folder for each patient with image"):
        cta_datalist(tmp_path / "empty")
    with pytest.raises(ValueError, match=r"no subject \['patient-3'\]"):
        cta_datalist(folder, ["patient-3"])
    with pytest.raises(ValueError, match="not a directory: give the folder with a folder for each patient"):
        cta_datalist(tmp_path / "nowhere")
