from __future__ import annotations

import pytest

from monai_nlseg.io.formats import is_picture, is_volume, pair_header, pair_voxels, without_suffix


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
