"""What is written can be read back, by any reader, and is the same each time."""

from __future__ import annotations

import time

import nibabel
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from PIL import Image
from scipy.spatial.transform import Rotation

from monai_nlseg.cohort.digests import digest_files
from monai_nlseg.cohort.outputs import OutputFolder, save_nifti, save_png

LABELS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def affine_of(rotation=(0, 0, 0), sizes=(1, 1, 1), shear=0.0, offset=(-90.5, 12.25, 3)):
    affine = np.eye(4)
    sheared = np.eye(3)
    sheared[1, 2] = shear
    affine[:3, :3] = Rotation.from_euler("xyz", rotation, degrees=True).as_matrix() @ sheared @ np.diag(sizes)
    affine[:3, 3] = offset
    return affine


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
    """As of a CT with a tilted gantry; a qform holds rotations only."""
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


def test_bytes_are_the_same_at_any_time_under_any_name(tmp_path, monkeypatch):
    save_nifti(tmp_path / "a.nii.gz", LABELS, affine_of((1, 2, 3)))
    save_png(tmp_path / "a.png", LABELS[0])
    monkeypatch.setattr(time, "time", lambda: 2e9)
    (tmp_path / "other").mkdir()
    save_nifti(tmp_path / "other" / ".nlseg-1-b.nii.gz", LABELS, affine_of((1, 2, 3)))
    save_png(tmp_path / "other" / "b.png", LABELS[0])
    for first, second in (("a.nii.gz", "other/.nlseg-1-b.nii.gz"), ("a.png", "other/b.png")):
        assert (tmp_path / first).read_bytes() == (tmp_path / second).read_bytes()


@pytest.fixture(params=["path", "memory"])
def folder(request, tmp_path):
    yield OutputFolder(str(tmp_path / "out") if request.param == "path" else "memory://outputs/[1]")
    MemoryFileSystem.store.clear()


def files_of(folder):
    from monai_nlseg.cohort.storage import files_below

    return files_below(folder.root, "**/*")


def test_an_output_folder_notes_what_is_written(folder, tmp_path):
    (tmp_path / "same").write_bytes(b"123")
    with folder.file("labels", "site/p [1]_seg.nii.gz") as path:
        assert path.name.endswith("p [1]_seg.nii.gz") and files_of(folder) == []
        path.write_bytes(b"123")
    assert files_of(folder) == ["site/p [1]_seg.nii.gz"]
    noted = {"path": "site/p [1]_seg.nii.gz", "bytes": 3, "sha256": digest_files([tmp_path / "same"])}
    assert folder.written == {"labels": noted}


def test_what_fails_while_writing_leaves_nothing(folder):
    with pytest.raises(OSError, match="disk full"), folder.file("labels", "a.nii.gz") as path:
        path.write_bytes(b"1")
        raise OSError("disk full")
    with pytest.raises(FileNotFoundError), folder.file("labels", "b.nii.gz"):
        pass
    assert files_of(folder) == [] and folder.written == {}


def test_a_folder_that_takes_no_more(tmp_path):
    (tmp_path / "file").write_text("")
    folder = OutputFolder(str(tmp_path / "file"))
    with pytest.raises(OSError, match="file"), folder.file("labels", "a.nii.gz"):
        raise AssertionError("not reached")
