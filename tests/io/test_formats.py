from __future__ import annotations

import pytest

from monai_nlseg.io.formats import is_picture, is_volume, named_data, pair_header, pair_voxels, without_suffix


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (b"ObjectType = Image\nElementDataFile = a b.raw\n", ["a b.raw"]),
        (b"ElementDataFile = LOCAL\n\0\1", []),
        (b"ElementDataFile = LIST\na.raw\r\nb.raw\n", ["a.raw", "b.raw"]),
        (b"NRRD0004\ntype: short\ndata file: ./a.raw.gz\n", ["./a.raw.gz"]),
        (b"NRRD0004\ndatafile: a.raw\r\n\r\n", ["a.raw"]),
        (b"NRRD0004\ndata file: LIST\na.raw\nb.raw\n", ["a.raw", "b.raw"]),
        (b"NRRD0004\ndata file: a-%02d.raw 9 11 2\n", ["a-09.raw", "a-11.raw"]),
        (b"NRRD0004\ndata file: a-%02d.raw 9 10\n", ["a-09.raw", "a-10.raw"]),
        (b"NRRD0004\ntype: short\n\n", []),
        (b"", []),
    ],
)
def test_the_files_that_a_header_names(header, names):
    assert named_data(header) == names


@pytest.mark.parametrize(
    ("header", "voxels"),
    [("a.hdr", "a.img"), ("s/A.HDR", "s/A.IMG"), ("a.hdr.gz", "a.img.gz"), ("a.img.hdr", "a.img.img")],
)
def test_pairs(header, voxels):
    assert pair_voxels(header) == voxels and pair_header(voxels) == header
    assert pair_header("a.nii") == "a.nii"


def test_volumes_by_their_suffixes():
    assert all(map(is_volume, ("a.nii", "A.NII.GZ", "a.hdr", "a.img.gz", "a.nhdr", "a.MHD", "a.mgz")))
    assert not any(map(is_volume, ("a.png", "a.gz", "nii", "a.dcm", "a.nii.txt")))


def test_pictures_by_their_suffixes():
    assert all(map(is_picture, ("a.png", "s/A.JPEG", "a.b.TIF")))
    assert not any(map(is_picture, ("a.nii", "png", "a.png.txt")))


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("s/a.nii.gz", "s/a"),
        ("A.NII.GZ", "A"),
        ("a.img", "a"),
        ("a.b.png", "a.b"),
        ("a.IMA", "a"),
        ("IM.0001", "IM.0001"),
        (".nii", ".nii"),
        ("a.nii.png", "a.nii"),
    ],
)
def test_names_without_the_suffix_of_a_format(name, stem):
    assert without_suffix(name) == stem
