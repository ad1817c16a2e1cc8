from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from fsspec.implementations.memory import MemoryFileSystem
from PIL import Image

from monai_nlseg.io.staging import stage

VALUES = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
AFFINE = np.diag([1.0, 2, 3, 1])


@pytest.fixture
def scratch(tmp_path):
    (tmp_path / "scratch").mkdir()
    yield tmp_path / "scratch"
    MemoryFileSystem.store.clear()


def nifti(value=0):
    return nibabel.Nifti1Image(VALUES + np.int16(value), AFFINE).to_bytes()


def test_plain_local_files_are_taken_where_they_are(tmp_path, scratch):
    paths = [tmp_path / name for name in ("T1.nii", "T2.nii", "x.png")]
    for path in paths[:2]:
        path.write_bytes(nifti())
    Image.new("L", (3, 2)).save(paths[2])
    staged = stage(tuple((str(path),) for path in paths), scratch)
    assert staged.sources == tuple(paths) and staged.images == (tuple(paths),)
    assert not staged.dicom and staged.unit == "mm"
    assert list(scratch.iterdir()) == []


def test_other_volumes_become_nifti(tmp_path, scratch):
    image = nibabel.Nifti1Pair(VALUES, np.diag([1000.0, 2000, 3000, 1]))
    image.header.set_xyzt_units("micron")
    nibabel.save(image, tmp_path / "T1.hdr")
    (tmp_path / "T2.nii").write_bytes(nifti())
    staged = stage(((str(tmp_path / "T1.hdr"),), (str(tmp_path / "T2.nii"),)), scratch)
    assert [path.name for path in staged.sources] == ["T1.hdr", "T1.img", "T2.nii"] and staged.unit == "micron"
    ((made, plain),) = staged.images
    assert made.is_relative_to(scratch) and plain == tmp_path / "T2.nii"
    np.testing.assert_array_equal(np.asarray(nibabel.load(made).dataobj), VALUES)
    np.testing.assert_allclose(nibabel.load(made).affine, AFFINE)


def test_modalities_of_one_name_are_held_apart(tmp_path, scratch):
    for number, folder in enumerate(("T1", "T2")):
        (tmp_path / folder).mkdir()
        nibabel.save(nibabel.Nifti1Pair(VALUES + np.int16(number), AFFINE), tmp_path / folder / "p.hdr")
    staged = stage(tuple((str(tmp_path / name / "p.hdr"),) for name in ("T1", "T2")), scratch)
    (images,) = staged.images
    assert [int(nibabel.load(path).dataobj[0, 0, 0]) for path in images] == [0, 1]


def test_remote_files_of_one_name_are_held_apart(scratch):
    for number, name in enumerate(("T1", "T2")):
        MemoryFileSystem().pipe(f"/staging/{name}/p.nii", nifti(number))
    staged = stage((("memory://staging/T1/p.nii",), ("memory://staging/T2/p.nii",)), scratch)
    (images,) = staged.images
    assert [path.read_bytes() for path in images] == [nifti(0), nifti(1)] and images == staged.sources
    assert all(path.is_relative_to(scratch) and path.name == "p.nii" for path in images)


@pytest.mark.parametrize(("header", "data"), [("p.hdr", "p.img"), ("p.mhd", "p.raw")])
def test_a_remote_header_finds_its_data(tmp_path, scratch, header, data):
    if header == "p.hdr":
        nibabel.save(nibabel.Nifti1Pair(VALUES, AFFINE), tmp_path / header)
    else:
        sitk.WriteImage(sitk.GetImageFromArray(VALUES.T), str(tmp_path / header))
    for name in (header, data):
        MemoryFileSystem().pipe(f"/staging/{name}", (tmp_path / name).read_bytes())
    staged = stage(((f"memory://staging/{header}",),), scratch)
    assert [path.name for path in staged.sources] == [header, data]
    assert staged.sources[0].parent == staged.sources[1].parent
    ((made,),) = staged.images
    np.testing.assert_array_equal(np.asarray(nibabel.load(made).dataobj), VALUES)


def test_one_file_for_two_modalities(tmp_path, scratch):
    (tmp_path / "a.nii").write_bytes(nifti())
    staged = stage(((str(tmp_path / "a.nii"),),) * 2, scratch)
    assert staged.images == ((tmp_path / "a.nii",) * 2,)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("{}/nowhere.nii", "does not exist: restore the file or leave the case out"),
        ("{}/a.hdr", "does not exist: restore the file or leave the case out"),
        ("{}", "is a folder, not a regular file"),
        ("/dev/zero", "is a device, not a regular file"),
    ],
)
def test_files_that_are_not_there(tmp_path, scratch, path, words):
    (tmp_path / "a.hdr").write_bytes(b"x")
    with pytest.raises(ValueError, match=f"' {words}"):
        stage(((path.format(tmp_path),),), scratch)


def test_voxels_without_their_header(tmp_path, scratch):
    (tmp_path / "a.img").write_bytes(b"x")
    with pytest.raises(ValueError, match="a.img' has no header beside it: restore 'a.hdr'"):
        stage(((str(tmp_path / "a.img"),),), scratch)


def test_remote_files_that_are_not_there(scratch):
    with pytest.raises(
        ValueError, match="'memory://nowhere/a.nii' cannot be fetched .*: check the store and your permissions"
    ):
        stage((("memory://nowhere/a.nii",),), scratch)


def test_a_turned_picture_is_staged_as_it_is_displayed(tmp_path, scratch):
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(pixels.T[::-1])).save(tmp_path / "a.png", exif=turned)
    Image.fromarray(pixels.astype(np.uint16) * 99).save(tmp_path / "b.png")
    staged = stage(((str(tmp_path / "a.png"),), (str(tmp_path / "b.png"),)), scratch)
    ((first, second),) = staged.images
    assert staged.sources == (tmp_path / "a.png", tmp_path / "b.png") and first.is_relative_to(scratch)
    assert second == tmp_path / "b.png"  # what its values mean, the bundle's reader may know
    with Image.open(first) as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_pictures_of_several_pages_are_refused(tmp_path, scratch):
    page = Image.fromarray(np.zeros((2, 3), np.uint8))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    with pytest.raises(ValueError, match="a.tif' holds 2 pages: give one image per file"):
        stage(((str(tmp_path / "a.tif"),),), scratch)
