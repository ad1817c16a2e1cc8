from __future__ import annotations

import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from PIL import Image

from monai_nlseg.cohort import Case
from monai_nlseg.cohort.staging import stage


@pytest.fixture
def scratch(tmp_path):
    (tmp_path / "scratch").mkdir()
    yield tmp_path / "scratch"
    MemoryFileSystem.store.clear()


def test_local_files_are_taken_where_they_are(tmp_path, scratch):
    paths = [tmp_path / name for name in ("T1.hdr", "T1.img", "T2.nii")]
    for path in paths:
        path.write_bytes(b"x")
    staged = stage(Case("p", ((str(paths[0]),), (str(paths[2]),))), scratch)
    assert staged.sources == tuple(paths) and staged.images == ((paths[0], paths[2]),) and not staged.dicom
    assert list(scratch.iterdir()) == []


def test_remote_files_of_one_name_are_held_apart(scratch):
    for name in ("T1", "T2"):
        MemoryFileSystem().pipe(f"/staging/{name}/p.nii.gz", name.encode())
    staged = stage(Case("p", (("memory://staging/T1/p.nii.gz",), ("memory://staging/T2/p.nii.gz",))), scratch)
    (images,) = staged.images
    assert [path.read_bytes() for path in images] == [b"T1", b"T2"] and images == staged.sources
    assert all(path.is_relative_to(scratch) and path.name == "p.nii.gz" for path in images)


@pytest.mark.parametrize(("header", "data"), [("p.hdr", "p.img"), ("p.mhd", "p.raw")])
def test_a_remote_header_finds_its_data(scratch, header, data):
    MemoryFileSystem().pipe(f"/staging/{header}", b"ElementDataFile = p.raw\n")
    MemoryFileSystem().pipe(f"/staging/{data}", b"x")
    staged = stage(Case("p", ((f"memory://staging/{header}",),)), scratch)
    assert staged.images == ((staged.sources[0],),) and [path.name for path in staged.sources] == [header, data]
    assert staged.sources[0].parent == staged.sources[1].parent


def test_one_file_for_two_modalities(tmp_path, scratch):
    (tmp_path / "a.nii").write_bytes(b"x")
    staged = stage(Case("p", ((str(tmp_path / "a.nii"),),) * 2), scratch)
    assert staged.images == ((tmp_path / "a.nii",) * 2,)


@pytest.mark.parametrize("path", ["{}/nowhere.nii", "{}", "{}/a.hdr"])
def test_files_that_are_not_there(tmp_path, scratch, path):
    (tmp_path / "a.hdr").write_bytes(b"x")
    with pytest.raises(ValueError, match="' does not exist: restore the file or leave the case out"):
        stage(Case("p", ((path.format(tmp_path),),)), scratch)


def test_remote_files_that_are_not_there(scratch):
    with pytest.raises(
        ValueError, match="'memory://nowhere/a.nii' cannot be fetched .*: check the store and the rights"
    ):
        stage(Case("p", (("memory://nowhere/a.nii",),)), scratch)


def test_a_turned_picture_is_staged_as_it_is_displayed(tmp_path, scratch):
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(pixels.T[::-1])).save(tmp_path / "a.png", exif=turned)
    Image.fromarray(pixels.astype(np.uint16) * 99).save(tmp_path / "b.png")
    staged = stage(Case("p", ((str(tmp_path / "a.png"),), (str(tmp_path / "b.png"),))), scratch)
    ((first, second),) = staged.images
    assert staged.sources == (tmp_path / "a.png", tmp_path / "b.png") and first.is_relative_to(scratch)
    assert second == tmp_path / "b.png"  # what its values mean, the bundle's reader may know
    with Image.open(first) as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_pictures_of_several_pages_are_refused(tmp_path, scratch):
    page = Image.fromarray(np.zeros((2, 3), np.uint8))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    with pytest.raises(ValueError, match="a.tif' holds 2 pages: give one image a file"):
        stage(Case("p", ((str(tmp_path / "a.tif"),),)), scratch)
