from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from PIL import Image

from monai_nlseg.evaluation.grid import check_same_grid, in_order_of
from monai_nlseg.evaluation.label_map import read_label_map
from tests.evaluation.cohorts import AFFINE, TOY_LABEL, save, tissues

OBLIQUE = np.array([[0.9, -0.3, 0.1, -20.0], [0.3, 1.9, 0.0, 5.0], [-0.1, 0.1, 1.5, 60.0], [0.0, 0.0, 0.0, 1.0]])


def moved(millimetres):
    affine = AFFINE.copy()
    affine[0, 3] = millimetres
    return affine


@pytest.mark.parametrize(
    ("name", "shape", "affine", "words"),
    [
        ("b.nii", (4, 5, 7), AFFINE, r"have the shapes \(4, 5, 7\) and \(4, 5, 6\)"),
        ("b.nii", (4, 5, 6), moved(0.5), "differ by up to 0.5: resample"),
        ("b.nii", (4, 5, 6), AFFINE @ np.diag([-1, 1, 1, 1]), "affines of .* differ by up to 2"),
        ("b.hdr", (4, 5, 6), np.diag([1.0, 2.0, 1.0, 1.0]), "spacings 1 x 2 x 1 and 1 x 2 x 1.5 mm"),
        ("b.nii", (4, 5, 6), moved(1e-4), None),
        ("b.hdr", (4, 5, 6), moved(50.0), None),
    ],
)
def test_one_grid(tmp_path, name, shape, affine, words):
    label = read_label_map(save(tmp_path / "a.nii", TOY_LABEL))
    other = read_label_map(save(tmp_path / name, np.zeros(shape, np.uint8), affine))
    if words is None:
        check_same_grid(other, label)
    else:
        with pytest.raises(ValueError, match=words):
            check_same_grid(other, label)


def test_an_image_is_no_slice(tmp_path):
    nib.save(nib.Nifti1Image(TOY_LABEL[..., 2], np.eye(4)), tmp_path / "a.nii")
    Image.fromarray(TOY_LABEL[..., 2]).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="are an image and a volume"):
        check_same_grid(read_label_map(tmp_path / "a.png"), read_label_map(tmp_path / "a.nii"))


def test_a_micrometre_is_much_under_the_microscope(tmp_path):
    """The tolerance is a part of the voxel."""
    pair = []
    for name, shift in (("a.nii", 0.0), ("b.nii", 1.0)):
        affine = np.diag([1.0, 1.0, 1.0, 1.0])
        affine[0, 3] = shift
        image = nib.Nifti1Image(TOY_LABEL, affine)
        image.header.set_xyzt_units("micron")
        nib.save(image, tmp_path / name)
        pair.append(read_label_map(tmp_path / name))
    with pytest.raises(ValueError, match="affines of .* differ by up to 0.001"):
        check_same_grid(*pair)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "ASL"])
@pytest.mark.parametrize("affine", [AFFINE, OBLIQUE])
def test_the_order_of_the_axes_does_not_matter(tmp_path, codes, affine):
    label = nib.Nifti1Image(tissues(0), affine)
    turned = label.as_reoriented(ornt_transform(io_orientation(affine), axcodes2ornt(tuple(codes))))
    nib.save(label, tmp_path / "a.nii")
    nib.save(turned, tmp_path / "b.nii")
    reference = read_label_map(tmp_path / "a.nii")
    found = in_order_of(read_label_map(tmp_path / "b.nii"), reference)
    check_same_grid(found, reference)
    np.testing.assert_array_equal(found.values, reference.values)
    np.testing.assert_allclose(found.affine, reference.affine, atol=1e-5)
    assert found.spacing == pytest.approx(reference.spacing)


def test_a_flipped_slice(tmp_path):
    reference = read_label_map(save(tmp_path / "a.nii", TOY_LABEL[..., 2]))
    flip = np.diag([-1.0, 1.0, 1.0, 1.0])
    flip[0, 3] = 3
    found = in_order_of(read_label_map(save(tmp_path / "b.nii", TOY_LABEL[::-1, :, 2], AFFINE @ flip)), reference)
    check_same_grid(found, reference)
    np.testing.assert_array_equal(found.values, reference.values)
