"""Damage to compressed voxels is noticed, wherever it lies."""

from __future__ import annotations

import gzip
import random
import zlib

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from monai_nlseg.io.volumes import plain_nifti, read_volume
from monai_nlseg.io.volumes.packed import unpacked_size

VALUES = np.random.default_rng(0).integers(0, 1000, (10, 11, 12)).astype(np.int16)
LOCAL = b"ElementDataFile = LOCAL\n"


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("a.nii.gz", "a.nii.gz"),
        ("a.mgz", "a.mgz"),
        ("a.nrrd", "a.nrrd"),
        ("a.nhdr", "a.raw.gz"),
        ("a.mha", "a.mha"),
        ("a.mhd", "a.zraw"),
    ],
)
def test_no_flipped_bit_changes_a_voxel(tmp_path, name, packed):
    path, held = tmp_path / name, tmp_path / packed
    if name.endswith("gz"):
        kind = nibabel.MGHImage if name.endswith("mgz") else nibabel.Nifti1Image
        nibabel.save(kind(VALUES, np.eye(4)), path)
    else:
        sitk.WriteImage(sitk.GetImageFromArray(VALUES.T), str(path), useCompression=True)
    assert np.array_equal(read_volume(path).values, VALUES)
    content = held.read_bytes()
    start = (
        content.find(LOCAL) + len(LOCAL) if name == "a.mha" else content.find(b"\n\n") + 2 if name == "a.nrrd" else 10
    )
    chosen = random.Random(0)
    for _ in range(60):
        damaged = bytearray(content)
        damaged[chosen.randrange(start, len(content))] ^= 1 << chosen.randrange(8)
        held.write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged|readable|cannot be read"):
            read_volume(path)
    for length in (start + 1, len(content) // 2, len(content) - 1):
        held.write_bytes(content[:length])
        with pytest.raises(ValueError, match="truncated|damaged|readable"):
            read_volume(path)


def test_what_monai_reads_is_compared_before(tmp_path):
    path = tmp_path / "a.nii.gz"
    nibabel.save(nibabel.Nifti1Image(VALUES, np.eye(4)), path)
    assert plain_nifti(path, tmp_path / "staged") == path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="'.*a.nii.gz' is truncated or damaged"):
        plain_nifti(path, tmp_path / "staged")


@pytest.mark.parametrize("content", [b"", b"text", bytes(5 << 20), np.random.default_rng(0).bytes(3 << 20)])
def test_sizes(tmp_path, content):
    path = tmp_path / "a"
    for packed in (gzip.compress(content), zlib.compress(content)):
        path.write_bytes(b"before" + packed + b"behind")
        assert unpacked_size(path, 6) == len(content)
    path.write_bytes(gzip.compress(content) + gzip.compress(b"more"))
    assert unpacked_size(path) == len(content) + 4


META = "ObjectType = Image\nNDims = 3\n{}DimSize = 4 4 4\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("# a remark\nElementSpacing = 2 2 2\n", "line 3 .* is not a name with a value"),
        ("Comment = a\0b\n", "line 3 .* is not a name with a value"),
        ("elementspacing = 2 2 2\n", "the name ElementSpacing in other letters"),
        ("ElementSpacing = 2 2\n", "the numbers of ElementSpacing"),
        ("ElementSpacing = 2 nan 2\n", "the numbers of ElementSpacing"),
        ("TransformMatrix = 1 0 0 0 1 0 0 0\n", "the numbers of TransformMatrix"),
    ],
)
def test_lines_that_itk_passes_over(tmp_path, line, words, capfd):
    path = tmp_path / "a.mha"
    path.write_bytes(META.format(line).encode() + bytes(128))
    with pytest.raises(ValueError, match=words):
        read_volume(path)
    assert capfd.readouterr() == ("", "")


def test_whole_lines_are_read(tmp_path):
    path = tmp_path / "a.mha"
    path.write_bytes(META.format("Comment =\nMyOwn = é\nElementSpacing = 1 2 3\n").encode() + bytes(128))
    assert np.allclose(np.abs(np.diag(read_volume(path).affine)), [1, 2, 3, 1])
