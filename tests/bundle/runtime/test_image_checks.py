"""Images that no network should see."""

from __future__ import annotations

import struct

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
import torch

from monai_nlseg.bundle.runtime.image_checks import check_image
from monai_nlseg.io.file_checks import check_files


def header_of(shape):
    header = nibabel.Nifti1Header()
    content = bytearray(header.binaryblock)
    content[40:56] = struct.pack("<8h", len(shape), *shape, *[1] * (7 - len(shape)))
    content[70:74] = struct.pack("<2h", 16, 32)
    content[108:112] = struct.pack("<f", 352)
    content[344:348] = b"n+1\0"
    return bytes(content) + bytes(4)


@pytest.mark.parametrize("name", ["a.nii", "A.NII"])
def test_a_huge_header_is_refused_before_anything_is_allocated(tmp_path, name):
    (tmp_path / name).write_bytes(header_of((30000, 30000, 30000)))
    with pytest.raises(ValueError, match="has 27,000,000,000,000 voxels, which take 2.16e.05 GB of the .* left: crop"):
        check_files([tmp_path / name])


def test_sizes_that_overflow_and_sums_of_modalities(tmp_path, monkeypatch):
    (tmp_path / "a.nii").write_bytes(header_of([32767] * 4))
    with pytest.raises(ValueError, match="crop the image"):
        check_files([tmp_path / "a.nii"])
    (tmp_path / "b.nii").write_bytes(header_of((100, 100, 100)))
    monkeypatch.setattr("monai_nlseg.io.file_checks.free_memory", lambda: 12_000_000)
    check_files([tmp_path / "b.nii"])
    with pytest.raises(ValueError, match="'b.nii' has 2,000,000 voxels, which take 0.016 GB of the 0.012 GB"):
        check_files([tmp_path / "b.nii"] * 2)


def test_files_that_are_not_there_or_empty(tmp_path):
    (tmp_path / "a.nii.gz").write_bytes(b"")
    with pytest.raises(ValueError, match="'a.nii.gz' is empty: restore the file or leave the case out"):
        check_files([tmp_path / "a.nii.gz"])
    with pytest.raises(ValueError, match="does not exist: restore the file"):
        check_files([tmp_path / "nowhere.nii"])
    with pytest.raises(ValueError, match="is a folder, not a regular file"):
        check_files([tmp_path])


@pytest.mark.parametrize("content", [b"x", b"x" * 400, b"\x1f\x8b\x08"])
def test_damage(tmp_path, content):
    (tmp_path / "a.nii.gz").write_bytes(content)
    with pytest.raises(ValueError, match="a.nii.gz' is not a readable NIfTI or Analyze volume .*: restore the file"):
        check_files([tmp_path / "a.nii.gz"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({0: float("nan")}, "'a.nii' has 1 voxels that are NaN or infinite: export it again"),
        ({0: float("nan"), 5: float("inf"), 7: -float("inf")}, "has 3 voxels that are NaN or infinite"),
        (dict.fromkeys(range(24), -1000.0), "has the value -1000 everywhere"),
    ],
)
def test_values_that_mean_nothing(change, words):
    image = torch.arange(24.0).reshape(1, 2, 3, 4)
    check_image(image, "'a.nii'")
    for index, value in change.items():
        image.view(-1)[index] = value
    with pytest.raises(ValueError, match=words):
        check_image(image, "'a.nii'")


def test_an_axis_without_voxels_and_integers():
    with pytest.raises(ValueError, match=r"'a.nii' has the shape \(2, 0, 3\), no voxels"):
        check_image(torch.zeros(1, 2, 0, 3), "'a.nii'")
    check_image(torch.from_numpy(np.arange(24, dtype=np.int16).reshape(1, 4, 6)), "'a.nii'")
    with pytest.raises(ValueError, match="has the value 3 everywhere"):
        check_image(torch.full((1, 4, 4), 3, dtype=torch.uint8), "'a.nii'")


def test_the_channel_at_fault_is_named():
    image = torch.arange(48.0).reshape(2, 2, 3, 4)
    image[1, 0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match="channel 2 of 'a.nii' has 1 voxels"):
        check_image(image, "'a.nii'")


@pytest.mark.parametrize("affine", [np.diag([1, 0, 1, 1]), np.full((4, 4), np.nan)])
def test_an_affine_that_spans_no_volume(tmp_path, affine):
    header = nibabel.Nifti1Header()
    image = nibabel.Nifti1Image(np.zeros((2, 3, 4), np.uint8), None, header)
    image.header["sform_code"] = 1
    for row, values in zip(("srow_x", "srow_y", "srow_z"), affine):
        image.header[row] = values
    image.header["qform_code"] = 0
    image.to_filename(tmp_path / "a.nii")
    with pytest.raises(ValueError, match=r"a.nii' has an affine of \[\[.*, which spans no volume"):
        check_files([tmp_path / "a.nii"])


@pytest.mark.parametrize("name", ["a.mha", "a.MHD", "a.nrrd"])
def test_other_formats_are_measured_too(tmp_path, monkeypatch, name):
    sitk.WriteImage(sitk.Image(100, 100, 100, sitk.sitkUInt8), str(tmp_path / name.lower()))
    (tmp_path / name.lower()).rename(tmp_path / name)
    monkeypatch.setattr("monai_nlseg.io.file_checks.free_memory", lambda: 7_000_000)
    with pytest.raises(ValueError, match=f"'{name}' has 1,000,000 voxels, which take 0.008 GB of the 0.007 GB"):
        check_files([tmp_path / name])
