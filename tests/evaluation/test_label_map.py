from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from monai_nlseg.evaluation.label_map import check_same_grid, read_label_map
from tests.evaluation.cohorts import AFFINE, TOY_LABEL, save

DISC = np.array([[0, 255, 0, 0], [255, 255, 255, 0], [0, 255, 0, 0]], np.uint8)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.hdr"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_volumes(tmp_path, name, dtype):
    found = read_label_map(save(tmp_path / name, TOY_LABEL.astype(dtype)))
    np.testing.assert_array_equal(found.values, TOY_LABEL)
    assert found.values.dtype.kind in "ui" and found.spacing == (1.0, 2.0, 1.5)
    assert (found.affine is None) == name.endswith(".hdr")


@pytest.mark.parametrize("shape", [(4, 5, 1), (4, 5, 1, 1), (4, 5)])
def test_one_slice_is_two_dimensional(tmp_path, shape):
    found = read_label_map(save(tmp_path / "a.nii", TOY_LABEL[..., 2].reshape(shape)))
    np.testing.assert_array_equal(found.values, TOY_LABEL[..., 2])
    assert found.spacing == (1.0, 2.0)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *(("a.png", mode) for mode in ("1", "L", "LA", "RGB", "RGBA", "P")),
        *(("a.tif", mode) for mode in ("1", "L", "RGB", "RGBA", "P")),
        *(("a.bmp", mode) for mode in ("1", "L", "RGB", "P")),
        *(("a.gif", mode) for mode in ("L", "P")),
    ],
)
def test_images(tmp_path, name, mode):
    if mode == "P":  # the palette's colours are not the labels
        image = Image.fromarray(DISC // 255)
        image.putpalette([0, 0, 0, 255, 0, 0])
        expected = DISC // 255
    else:
        image = Image.fromarray(DISC).convert(mode)
        expected = DISC // 255 if mode == "1" else DISC
    image.save(tmp_path / name)
    found = read_label_map(tmp_path / name)
    np.testing.assert_array_equal(found.values, expected)
    assert found.spacing == (1.0, 1.0) and found.is_image


def test_jpeg_is_cut_in_two(tmp_path):
    mask = np.kron(DISC, np.ones((5, 5), np.uint8))
    Image.fromarray(mask).save(tmp_path / "a.jpg", quality=50)
    assert len(np.unique(np.asarray(Image.open(tmp_path / "a.jpg")))) > 2
    np.testing.assert_array_equal(read_label_map(tmp_path / "a.jpg").values, mask)


def _nifti(values):
    return lambda path: save(path.with_suffix(".nii"), np.asarray(values))


def _text(path):
    path = path.with_suffix(".nii.gz")
    path.write_text("no image")
    return path


def _png(path):
    path = path.with_suffix(".png")
    path.write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    return path


def _cut(path):
    Image.fromarray(np.random.default_rng(0).integers(0, 2, (64, 64), np.uint8)).save(path.with_suffix(".png"))
    whole = path.with_suffix(".png").read_bytes()
    path.with_suffix(".png").write_bytes(whole[: len(whole) // 2])
    return path.with_suffix(".png")


def _pages(path):
    page = Image.fromarray(DISC)
    page.save(path.with_suffix(".tif"), save_all=True, append_images=[page])
    return path.with_suffix(".tif")


def _colours(path):
    Image.fromarray(np.stack([DISC, DISC, 0 * DISC], -1)).save(path.with_suffix(".png"))
    return path.with_suffix(".png")


def _lone_img(path):
    save(path.with_suffix(".hdr"), TOY_LABEL)
    path.with_suffix(".hdr").unlink()
    return path.with_suffix(".img")


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (_nifti([[0.5, 1.0]]), "not whole numbers: give label maps, not probabilities"),
        (_nifti([[np.nan, 1.0]]), "not whole numbers"),
        (_nifti([[np.inf, 1.0]]), "expected labels of 32 bits"),
        (_nifti(np.zeros((2, 3, 4, 5), np.uint8)), "expected a label map of two or three axes"),
        (_nifti(np.zeros(3, np.uint8)), "expected a volume of three axes"),
        (_text, "a.nii.gz' is not a readable"),
        (_png, "a.png' is not a readable image"),
        (_cut, "a.png' is not a readable image"),
        (_pages, "holds 2 pages"),
        (_colours, "is a colour image"),
        (_lone_img, "has no header beside it"),
        (lambda path: path.with_suffix(".png"), "does not exist"),
    ],
)
def test_what_is_no_label_map(tmp_path, write, words):
    with pytest.raises(ValueError, match=words):
        read_label_map(write(tmp_path / "a"))


def test_half_an_analyze_pair(tmp_path):
    save(tmp_path / "a.hdr", TOY_LABEL)
    (tmp_path / "a.img").unlink()
    with pytest.raises(ValueError, match="a.img' does not exist"):
        read_label_map(tmp_path / "a.hdr")


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
    nib.save(nib.Nifti1Image(DISC, np.eye(4)), tmp_path / "a.nii")
    Image.fromarray(DISC).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="are an image and a volume"):
        check_same_grid(read_label_map(tmp_path / "a.png"), read_label_map(tmp_path / "a.nii"))
