from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from monai_nlseg.cohort.preview import load_preview, write_preview


@pytest.fixture
def preview_of(tmp_path):
    def write_and_load(image, labels, affine=None):
        write_preview(tmp_path / "of" / "case.npz", image, labels, affine)
        return load_preview(tmp_path / "of" / "case.npz")

    return write_and_load


def corner_volume():
    """A volume in RAS orientation, brighter to the right, with label 1 at the left, 2 in front and 3 above."""
    image = np.tile(np.linspace(0, 1000, 20)[:, None, None], (1, 24, 28)).astype(np.float32)
    labels = np.zeros(image.shape, np.uint8)
    labels[:4, 8:16, 8:16], labels[8:12, 20:, 8:16], labels[8:12, 8:16, 24:] = 1, 2, 3
    return image, labels


@pytest.mark.parametrize("axes", ["RAS", "LPS", "PIR", "ASL"])
def test_volume_is_brought_to_ras(preview_of, axes):
    image, labels = corner_volume()
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(tuple(axes))
    )
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    affine[:3, 3] = -10, 20, 30
    turned = [nib.orientations.apply_orientation(array, turn) for array in (image, labels)]
    preview = preview_of(turned[0][None], turned[1], affine @ nib.orientations.inv_ornt_aff(turn, image.shape))
    assert preview.kind == "volume" and preview.image.dtype == preview.labels.dtype == np.uint8
    np.testing.assert_array_equal(preview.labels, labels)
    np.testing.assert_allclose(preview.affine, affine)
    assert (np.diff(preview.image[:, 0, 0].astype(int)) > 0).all()


def test_slices_are_upright_in_mm_and_cut_the_foreground(preview_of):
    image, labels = corner_volume()
    labels[8:12, 8:16, 8:16] = 4
    preview = preview_of(image[None], labels, np.diag([1.0, 2.0, 1.0, 1.0]))
    assert list(preview.slices) == ["axial", "coronal", "sagittal"]
    sizes = {name: mask.shape for name, (_, mask) in preview.slices.items()}
    assert sizes == {"axial": (48, 20), "coronal": (28, 20), "sagittal": (28, 48)}
    axial, coronal, sagittal = (mask for _, mask in preview.slices.values())
    assert axial[24, 0] == 1 and axial[0, 10] == 2, "the left at the left, the front on top"
    assert coronal[16, 0] == 1 and coronal[0, 10] == 3, "above on top"
    assert sagittal[16, -1] == 2 and sagittal[0, 24] == 3, "the front at the right"
    grey = preview.slices["axial"][0]
    assert grey[0, 0] == 0 and grey[0, -1] == 255


def test_no_label_vanishes_and_the_grid_stays_in_place(preview_of):
    labels = np.zeros((300, 40, 300), np.uint8)
    labels[40:200, 10:30, 40:200] = 1
    labels[101, 21, 101], labels[299, 39, 299] = 7, 9
    image = (labels + np.arange(300.0)[:, None, None])[None]
    preview = preview_of(image, labels, np.diag([0.5, 3.0, 0.5, 1.0]))
    assert preview.labels.shape == preview.image.shape == (100, 40, 100)
    assert set(np.unique(preview.labels)) == {0, 1, 7, 9}
    (where,) = np.argwhere(preview.labels == 7)
    np.testing.assert_allclose(nib.affines.apply_affine(preview.affine, where), [50.5, 63, 50.5], atol=0.8)
    assert preview.labels[50, 20, 50] == 1 and preview.labels[80, 20, 80] == 0
    assert preview.slices["axial"][1].shape == (205, 256), "square pixels of 150 mm / 256"


def test_values_that_are_not_finite_or_far_off_do_not_spoil_the_window(preview_of):
    image, labels = corner_volume()
    image[0, 0, 0], image[1, 1, 1], image[2, 2, 2] = np.nan, np.inf, 1e9
    grey = preview_of(image[None], labels, np.eye(4)).image
    assert grey[0, 0, 0] == grey[1, 1, 1] == 0 and grey[2, 2, 2] == 255
    assert 100 < grey[10, 5, 5] < 160


def test_empty_margins_are_cut_off(preview_of):
    image, labels = np.full((60, 70, 80), -3.0), np.zeros((60, 70, 80), np.uint8)
    image[20:30, 30:50, 40:60], labels[35, 40, 50] = 5, 1
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    preview = preview_of(image[None], labels, affine)
    assert preview.labels.shape == (20, 24, 24), "2 voxels around"
    (where,) = np.argwhere(preview.labels)
    np.testing.assert_allclose(nib.affines.apply_affine(preview.affine, where), [35, 40, 100])
    assert preview.slices["axial"][0].shape == (24, 20)


@pytest.mark.parametrize("value", [0.0, 7.0, np.nan])
def test_flat_volume_without_foreground(preview_of, value):
    preview = preview_of(np.full((1, 8, 9, 10), value), np.zeros((8, 9, 10), np.uint8), np.eye(4))
    assert not preview.image.any() and not preview.labels.any()


def test_picture_in_grey_and_in_colour(preview_of):
    labels = np.zeros((600, 1200), np.uint8)
    labels[300:, :600] = 1
    color = np.stack([labels * 200, labels * 100, 255 - labels])
    preview = preview_of(color.astype(np.float32), labels)
    pixels, mask = preview.slices["image"]
    assert preview.kind == "image" and pixels.shape == (256, 512, 3) and mask.shape == (256, 512)
    np.testing.assert_array_equal(pixels[-1, 0], [200, 100, 254])
    assert mask[-1, 0] == 1 and not mask[0].any() and not mask[:, -1].any()
    grey, _ = preview_of(labels[None] * 5 + 10, labels).slices["image"]
    assert grey.ndim == 2 and grey[-1, 0] == 255 and grey[0, 0] == 0


def test_frames_are_thinned_and_the_fullest_is_shown(preview_of):
    labels = np.zeros((90, 64, 48), np.uint8)
    labels[-1, :20] = 1
    preview = preview_of(np.arange(90.0)[None, :, None, None] + np.zeros((1, *labels.shape)), labels)
    assert preview.kind == "frames" and preview.image.shape == preview.labels.shape == (32, 64, 48)
    assert (np.diff(preview.image[:, 0, 0].astype(int)) > 0).all()
    frame, mask = preview.slices["frame"]
    assert frame[0, 0] == 255 and mask.any()


def test_same_arrays_give_the_same_bytes(tmp_path):
    image, labels = corner_volume()
    for name in ("a.npz", "b.npz"):
        write_preview(tmp_path / name, image[None], labels, np.eye(4))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


@pytest.mark.parametrize(
    ("image", "labels"), [((1, 8, 8), (8, 9)), ((8, 8), (8, 8)), ((1, 8), (8,)), ((1, 0, 8), (0, 8))]
)
def test_other_shapes_are_refused(tmp_path, image, labels):
    with pytest.raises(ValueError, match=r"cannot be made: expected \(C, \*spatial\)"):
        write_preview(tmp_path / "a.npz", np.zeros(image), np.zeros(labels, np.uint8), None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"text"])
def test_damaged_file_is_named(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"preview '.*a\.npz' cannot be read"):
        load_preview(tmp_path / "a.npz")
