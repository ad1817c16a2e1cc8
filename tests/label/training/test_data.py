"""Labels that annotators have saved, as a bundle's training takes them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from monai_nlseg.bundle import find_bundle
from monai_nlseg.label.served import ServedBundle
from monai_nlseg.label.training.data import label_map, labelled_images
from tests.io.dicom.dicom_files import write_series
from tests.label.studies import T1_AFFINE, tissues, write_picture, write_t1, write_t1_t2

T1 = "brain_t1_nonlocal_unet_segmentation"
ISEG = "iseg_mri_nonlocal_unet_segmentation"
CTA = "intracranial_vessel_dnlnet_segmentation"
LAEDNET = "ultrasound_laednet_segmentation"
TISSUES, MASK = (1, 2, 3), (1,)


def pairs(*written: tuple[Path, Path]) -> list[dict[str, str]]:
    return [{"image": str(image), "label": str(label)} for image, label in written]


def checked(model: str, datalist: list[dict[str, str]], folder: Path):
    folder.mkdir(exist_ok=True)
    run = Path(tempfile.mkdtemp(dir=folder))
    return labelled_images(ServedBundle(model, find_bundle(model)), datalist, run / "labels", run / "converted")


def changed(label: Path, values: np.ndarray, affine: np.ndarray = T1_AFFINE) -> None:
    nib.save(nib.Nifti1Image(values, affine), label)


def test_only_images_of_the_bundles_kind_are_taken(tmp_path):
    studies = tmp_path / "studies"
    datalist = pairs(write_t1(studies, "b", 1), write_t1(studies, "a", 0), write_t1_t2(studies, "both", 2))
    datalist += pairs(write_picture(studies, "picture", 3))
    for model, names in ((T1, ["a", "b"]), (ISEG, ["both"]), (LAEDNET, ["picture"])):
        found, left_out = checked(model, datalist, tmp_path / model)
        assert [image.name for image in found] == names
        assert sorted([*names, *left_out]) == ["a", "b", "both", "picture"]
        assert set(left_out.values()) == {"an image of other dimensions or channels than the bundle's"}


def test_volume_label_is_written_in_the_image_s_grid(tmp_path):
    image, label = write_t1(tmp_path / "studies", "case", 5)
    (found,), _ = checked(T1, pairs((image, label)), tmp_path)
    written = nib.load(found.label)
    np.testing.assert_array_equal(np.asarray(written.dataobj), tissues(5))
    np.testing.assert_allclose(written.affine, T1_AFFINE)
    assert written.get_data_dtype() == np.uint8
    assert (found.name, found.image, found.positive) == ("case", str(image), True)
    assert Path(found.label).parent.name == "labels"


def test_volume_label_may_be_stored_in_another_order_of_axes(tmp_path):
    image, label = write_t1(tmp_path / "studies", "case", 5)
    nib.save(nib.as_closest_canonical(nib.load(label)), label)
    assert nib.load(label).shape != nib.load(image).shape
    (found,), _ = checked(T1, pairs((image, label)), tmp_path)
    np.testing.assert_array_equal(np.asarray(nib.load(found.label).dataobj), tissues(5))


@pytest.mark.parametrize("white", [1, 255])
def test_masks_of_pictures_hold_1_or_255(tmp_path, white):
    image, label = write_picture(tmp_path / "studies", "scan", 2)
    mask = np.asarray(Image.open(label)) > 0
    Image.fromarray(mask.astype(np.uint8) * white).save(label)
    (found,), _ = checked(LAEDNET, pairs((image, label)), tmp_path)
    np.testing.assert_array_equal(np.asarray(Image.open(found.label)), mask)


def test_a_turned_photograph_has_the_mask_that_was_drawn_over_it(tmp_path):
    image, label = write_picture(tmp_path / "studies", "scan", 2)
    mask, turned = np.asarray(Image.open(label)) > 0, Image.Exif()
    turned[0x0112] = 6
    pixels = np.asarray(Image.open(image))
    Image.fromarray(np.ascontiguousarray(pixels.swapaxes(0, 1)[::-1])).save(image, exif=turned)
    Image.fromarray(mask.astype(np.uint16)).save(label)
    (found,), _ = checked(LAEDNET, pairs((image, label)), tmp_path)
    np.testing.assert_array_equal(np.asarray(Image.open(found.image)), pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(found.label)), mask)


@pytest.mark.parametrize("axes", [2, 3])
def test_mask_of_a_picture_may_be_nifti_of_columns_and_rows(tmp_path, axes):
    image, label = write_picture(tmp_path / "studies", "scan", 2)
    mask = np.asarray(Image.open(label)) > 0
    nifti = tmp_path / "scan.nii.gz"
    stored = mask.T[..., None] if axes == 3 else mask.T
    nib.save(nib.Nifti1Image(stored.astype(np.uint8), np.diag([-1, -1, 1, 1])), nifti)
    (found,), _ = checked(LAEDNET, pairs((image, nifti)), tmp_path)
    np.testing.assert_array_equal(np.asarray(Image.open(found.label)), mask)


def test_empty_mask_is_a_negative(tmp_path):
    image, label = write_picture(tmp_path / "studies", "scan", 2)
    Image.fromarray(np.zeros((72, 100), np.uint8)).save(label)
    (found,), _ = checked(LAEDNET, pairs((image, label)), tmp_path)
    assert found.positive is False


def test_dicom_series_is_converted(tmp_path):
    pytest.importorskip("pydicom.pixels", reason="MONAI Label's environment has a pydicom before 3")
    voxels = np.random.default_rng(0).integers(-1000, 2000, (12, 10, 6)).astype(np.int16)
    series = tmp_path / "studies" / "1.2.840.5"
    write_series(series, voxels)
    label = tmp_path / "label.nii.gz"
    # In the order of axes that other programs give such a series.
    affine = np.array([[0.5, 0, 0, 14.5], [0, 0.75, 0, 23.25], [0, 0, 2.0, 40], [0, 0, 0, 1]])
    stored = np.flip(voxels > 1000, (0, 1)).astype(np.uint8)
    nib.save(nib.Nifti1Image(stored, affine), label)
    (found,), _ = checked(CTA, pairs((series, label)), tmp_path)
    assert found.name == "1.2.840.5" and Path(found.image).parent.parent.parent.name == "converted"
    image, written = nib.load(found.image), nib.load(found.label)
    np.testing.assert_allclose(image.affine, written.affine, atol=1e-4)
    np.testing.assert_array_equal(np.asarray(written.dataobj) == 1, np.asarray(image.dataobj) > 1000)
    _, left_out = checked(LAEDNET, pairs((series, label)), tmp_path)
    assert list(left_out) == ["1.2.840.5"]


def test_labels_of_iseg_pass_as_they_are(tmp_path):
    image, label = write_t1_t2(tmp_path / "studies", "case", 5)
    (found,), _ = checked(ISEG, pairs((image, label)), tmp_path)
    np.testing.assert_array_equal(np.asarray(nib.load(found.label).dataobj), tissues(5))


def test_names_that_come_with_a_label_decide(tmp_path):
    image, label = write_t1(tmp_path / "studies", "case", 5)
    changed(label, np.where(tissues(5) == 3, 1, np.where(tissues(5) == 2, 2, 0)).astype(np.uint8))
    datalist = [{**pairs((image, label))[0], "names": {1: "wm", 2: "GM"}}]
    (found,), _ = checked(T1, datalist, tmp_path)
    np.testing.assert_array_equal(np.asarray(nib.load(found.label).dataobj), tissues(5) * (tissues(5) > 1))
    (found,), _ = checked(T1, [{**datalist[0], "names": {1: "Segment_1", 2: "GM"}}], tmp_path)
    assert set(np.unique(np.asarray(nib.load(found.label).dataobj))) == {0, 1, 2}


def test_what_is_saved_later_does_not_change_what_is_trained_on(tmp_path):
    image, label = write_t1(tmp_path / "studies", "case", 5)
    (found,), _ = checked(T1, pairs((image, label)), tmp_path)
    changed(label, np.zeros((36, 32, 40), np.uint8))
    np.testing.assert_array_equal(np.asarray(nib.load(found.label).dataobj), tissues(5))


def test_labels_of_another_grid_are_refused(tmp_path):
    image, label = write_t1(tmp_path / "studies", "case", 5)
    changed(label, tissues(5)[:-1])
    with pytest.raises(ValueError, match=r"case: its label has 35 x 32 x 40 voxels, the image 36 x 32 x 40: save it"):
        checked(T1, pairs((image, label)), tmp_path)
    changed(label, tissues(5), T1_AFFINE + [[0, 0, 0, 0.5], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    with pytest.raises(ValueError, match="case: its label's affine differs from the image's by 0.5: save it in"):
        checked(T1, pairs((image, label)), tmp_path)
    changed(label, np.stack([tissues(5)] * 2, -1))
    with pytest.raises(ValueError, match="case: its label has .* voxels, the image .*: save it in the grid"):
        checked(T1, pairs((image, label)), tmp_path)


def test_mask_of_another_size_is_refused(tmp_path):
    image, label = write_picture(tmp_path / "studies", "scan", 2)
    Image.fromarray(np.zeros((100, 72), np.uint8)).save(label)
    with pytest.raises(ValueError, match="scan: its label has 100 x 72 pixels, the image 72 x 100: save it in the"):
        checked(LAEDNET, pairs((image, label)), tmp_path)


@pytest.mark.parametrize("which", ["image", "label"])
def test_damaged_files_are_named(tmp_path, which):
    written = dict(zip(("image", "label"), write_t1(tmp_path / "studies", "case", 5)))
    content = written[which].read_bytes()
    written[which].write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=rf"^case: .*{written[which].name}' is truncated"):
        checked(T1, pairs((written["image"], written["label"])), tmp_path)


def test_image_without_finite_values_is_refused(tmp_path):
    image, label = write_t1(tmp_path / "studies", "case", 5)
    voxels = np.asarray(nib.load(image).dataobj).copy()
    voxels[0, 0, 0] = np.nan
    changed(image, voxels)
    with pytest.raises(ValueError, match="case: the image has 1 voxels that are NaN or infinite"):
        checked(T1, pairs((image, label)), tmp_path)


def test_names_are_those_of_the_server(tmp_path):
    image, label = write_t1(tmp_path / "studies", "case", 5)
    shutil.copy(image, tmp_path / "studies" / "1.2.840_T1.NII.GZ".lower())
    (found,), _ = checked(T1, pairs((tmp_path / "studies" / "1.2.840_t1.nii.gz", label)), tmp_path)
    assert found.name == "1.2.840_t1"


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("12_3", "12"),
        ("010_2HC", "010"),
        ("sub-01_ses-2", "sub-01"),
        ("case_3", "case_3"),
        ("scan", "scan"),
        ("Image_01L", "Image_01L"),
    ],
)
def test_subject(tmp_path, name, subject):
    datalist = pairs(write_picture(tmp_path / "studies", name, 2))
    (found,), _ = checked(LAEDNET, datalist, tmp_path)
    assert found.subject == subject
    (found,), _ = checked(LAEDNET, [{**datalist[0], "subject": "patient 5"}], tmp_path)
    assert found.subject == "patient 5"


def test_label_map_keeps_known_values():
    values = np.array([[0.0, 1.0], [3.0, 2.0]])
    found = label_map(values, TISSUES)
    np.testing.assert_array_equal(found, values)
    assert found.dtype == np.uint8


@pytest.mark.parametrize(
    ("values", "known", "message"),
    [
        ([0, 10, 150, 250], TISSUES, r"its label holds 10, 150, 250: expected 0 for background and 1, 2, 3, so save"),
        ([0, 1, 255], MASK, r"its label holds 255: expected 0 for background and 1, so save it with these values"),
        ([0, 2], MASK, r"its label holds 2: expected"),
        ([0, 255], TISSUES, r"its label holds 255: expected"),
        ([0, 0.5], TISSUES, r"its label holds fractions or NaN: expected"),
        ([0, float("nan")], TISSUES, r"its label holds fractions or NaN: expected"),
        ([-1, 1], TISSUES, r"its label holds values from -1 to 1: expected"),
        ([0, 1e6], TISSUES, r"its label holds values from 0 to 1e\+06: expected"),
    ],
)
def test_label_map_refuses_other_values(values, known, message):
    with pytest.raises(ValueError, match=message):
        label_map(np.array([values]), known)
