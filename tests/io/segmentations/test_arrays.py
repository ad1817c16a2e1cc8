"""Arrays in the grid of an image as NIfTI and PNG, read back by others."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from PIL import Image

from monai_nlseg.io.segmentations.nifti import save_nifti
from monai_nlseg.io.segmentations.png import save_png
from tests.io.affines import affine_of

LABELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "affine",
    [
        np.eye(4),
        np.diag([-1.0, -1.0, 2.5, 1.0]),
        affine_of(sizes=(0.3, 0.3, 5)),
        affine_of((10, -20, 30), (0.7, 0.8, 3)),
        affine_of((90, 0, 180), (1, 1, -1)),
    ],
)
@pytest.mark.parametrize("values", [LABELS, LABELS.astype(np.uint16) * 2000, LABELS.astype(np.float32) / 24])
def test_nifti_lies_where_the_image_does(tmp_path, affine, values):
    save_nifti(tmp_path / "a.nii.gz", values, affine)
    image = nibabel.load(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), values)
    assert image.get_data_dtype() == values.dtype and image.header.get_xyzt_units()[0] == "mm"
    for form, code in (image.get_sform(coded=True), image.get_qform(coded=True)):
        assert code == 1
        np.testing.assert_allclose(form, affine, atol=1e-4)
    np.testing.assert_allclose(image.header.get_zooms(), np.linalg.norm(affine[:3, :3], axis=0), rtol=1e-5)


def test_a_sheared_grid_is_whole_in_the_sform(tmp_path):
    """A CT with a tilted gantry has such a grid; a qform holds rotations only."""
    affine = affine_of((0, 0, 30), (0.5, 0.5, 3), shear=0.3)
    save_nifti(tmp_path / "a.nii.gz", LABELS, affine)
    image = nibabel.load(tmp_path / "a.nii.gz")
    np.testing.assert_allclose(image.affine, affine, atol=1e-5)
    np.testing.assert_allclose(image.get_qform()[:3, 3], affine[:3, 3], atol=1e-5)
    assert np.abs(image.get_qform() - affine).max() > 0.1


def test_channels_are_the_last_axis_of_nifti(tmp_path):
    values = np.stack((LABELS, LABELS + 1, LABELS + 2))
    save_nifti(tmp_path / "a.nii.gz", values, affine_of(), channels=True)
    image = nibabel.load(tmp_path / "a.nii.gz")
    assert image.shape == (2, 3, 4, 3)
    np.testing.assert_array_equal(np.asanyarray(image.dataobj)[..., 1], LABELS + 1)


@pytest.mark.parametrize(
    ("shape", "expected"), [((5, 7), (7, 5)), ((2, 5, 7), (7, 5, 2)), ((3, 2, 5, 7), (7, 5, 3, 2))]
)
def test_pictures_and_frames_become_columns_and_rows_of_1_mm(tmp_path, shape, expected):
    values = np.random.default_rng(0).integers(0, 9, shape, np.uint8)
    save_nifti(tmp_path / "a.nii.gz", values, None)
    image = nibabel.load(tmp_path / "a.nii.gz")
    found = np.asanyarray(image.dataobj)
    assert found.shape == expected and image.header.get_zooms()[:2] == (1, 1)
    assert found[6, 4].tolist() == values[..., 4, 6].tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_keeps_each_value(tmp_path, dtype):
    values = np.array([[0, 1, 2], [np.iinfo(dtype).max, 3, 4]], dtype)
    save_png(tmp_path / "a", values)
    with Image.open(tmp_path / "a") as image:
        assert image.format == "PNG" and image.size == (3, 2)
        np.testing.assert_array_equal(np.asarray(image), values)
    with pytest.raises(ValueError, match="this result has 3: choose the format nifti"):
        save_png(tmp_path / "b", LABELS)
