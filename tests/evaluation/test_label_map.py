from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from monai_nlseg.evaluation.label_map import read_label_map
from tests.evaluation.cohorts import TOY_LABEL, save

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


@pytest.mark.parametrize(("unit", "millimetres"), [("unknown", 1.0), ("mm", 1.0), ("micron", 0.001), ("meter", 1000.0)])
def test_lengths_are_in_mm(tmp_path, unit, millimetres):
    image = nib.Nifti1Image(TOY_LABEL, np.diag([2.0, 3.0, 4.0, 1.0]))
    image.header.set_xyzt_units(unit)
    nib.save(image, tmp_path / "a.nii")
    found = read_label_map(tmp_path / "a.nii")
    assert found.spacing == pytest.approx((2 * millimetres, 3 * millimetres, 4 * millimetres))
    np.testing.assert_allclose(np.diag(found.affine)[:3], found.spacing)


@pytest.mark.parametrize("scale", [(1 / 85, np.uint8), (3 / 65535, np.uint16), (np.float32(1 / 255), np.uint8)])
def test_a_slope_that_misses_whole_numbers(tmp_path, scale):
    """Labels as stored integers times a slope, as programs write that scale to the whole range of a type."""
    slope, dtype = scale
    stored = np.rint(TOY_LABEL / slope).astype(dtype)
    image = nib.Nifti1Image(stored, np.eye(4))
    image.header.set_slope_inter(slope, 0)
    nib.save(image, tmp_path / "a.nii")
    raw = (tmp_path / "a.nii").read_bytes()
    (tmp_path / "a.nii").write_bytes(raw[:112] + np.array([slope, 0], "<f4").tobytes() + raw[120:])
    assert nib.load(tmp_path / "a.nii").dataobj.slope == pytest.approx(slope)
    np.testing.assert_array_equal(read_label_map(tmp_path / "a.nii").values, TOY_LABEL)


@pytest.mark.parametrize(("name", "dtype"), [("a.png", np.uint16), ("a.tif", np.uint16), ("a.tif", np.float32)])
def test_images_of_deep_labels(tmp_path, name, dtype):
    labels = np.kron(np.array([[0, 300], [2035, 1]]), np.ones((4, 4))).astype(dtype)
    Image.fromarray(labels).save(tmp_path / name)
    np.testing.assert_array_equal(read_label_map(tmp_path / name).values, labels)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg"])
def test_an_image_lies_as_it_is_displayed(tmp_path, name):
    mask = np.kron(DISC, np.ones((5, 5), np.uint8))
    exif = Image.Exif()
    exif[274] = 6  # to be turned by 90 degrees clockwise
    Image.fromarray(np.rot90(mask)).save(tmp_path / name, exif=exif)
    np.testing.assert_array_equal(read_label_map(tmp_path / name).values, mask)


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


def _transparency(path):
    mask = Image.fromarray(np.pad(np.full((4, 4), 255, np.uint8), 2))
    Image.merge("LA", (Image.new("L", mask.size), mask)).save(path.with_suffix(".png"))
    return path.with_suffix(".png")


def _colours(path):
    Image.fromarray(np.stack([DISC, DISC, 0 * DISC], -1)).save(path.with_suffix(".png"))
    return path.with_suffix(".png")


def _lossy(path):
    Image.fromarray(np.kron(DISC, np.ones((9, 9), np.uint8))).save(path.with_suffix(".tif"), compression="jpeg")
    return path.with_suffix(".tif")


def _lone_img(path):
    save(path.with_suffix(".hdr"), TOY_LABEL)
    path.with_suffix(".hdr").unlink()
    return path.with_suffix(".img")


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (_nifti([[0.5, 1.0]]), "not whole numbers, such as 0.5: give label maps, not probabilities"),
        (_nifti([[np.nan, 1.0]]), "holds 1 of 2 values that are NaN or infinite: set them to 0"),
        (_nifti([[np.inf, 1.0, np.nan]]), "holds 2 of 3 values that are NaN or infinite"),
        (_nifti([[1e10, 1.0]]), "expected labels of 32 bits"),
        (_nifti(np.arange(64).reshape(8, 8).astype(np.uint8)), "holds 64 different values that fill no regions"),
        (_nifti(np.zeros((2, 3, 4, 5), np.uint8)), "expected a label map of two or three axes"),
        (_nifti(np.zeros(3, np.uint8)), "expected a volume of three axes"),
        (_text, "a.nii.gz' is not a readable"),
        (_png, "a.png' is not a readable image"),
        (_cut, "a.png' is not a readable image"),
        (_pages, "holds 2 pages"),
        (_colours, "is a colour image"),
        (_transparency, "holds its mask as transparency"),
        (_lossy, "is a TIFF compressed as JPEG"),
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
