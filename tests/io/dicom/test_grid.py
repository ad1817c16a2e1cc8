"""The grid of a series is highdicom's wherever highdicom has one.

The arithmetic is kept here, and highdicom not asked, for three reasons: it is needed for DICOM SEG only and may be
missing where DICOM is read; it holds all pixels as float64, at the peak nine times the memory (200 slices of 256 x 256:
266 MB, 31 MB here) and a third more time; and it has other grids in the two cases at the end.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest

pytest.importorskip("highdicom")

import highdicom
import pydicom

from monai_nlseg.io.dicom.volume import read_planes, read_series_headers, read_voxels
from tests.io.dicom.dicom_files import AXIAL, OBLIQUE, voxels, write_enhanced, write_series

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def by_this_package(files):
    planes, grid = read_planes(files, read_series_headers(files))
    return read_voxels(planes, grid), grid.affine


def by_highdicom(files):
    """Voxels (columns, rows, slices) and affine to RAS; highdicom has (slices, rows, columns), left-handed or not."""
    datasets = [pydicom.dcmread(path) for path in files]
    if "NumberOfFrames" in datasets[0]:
        volume = highdicom.Image.from_dataset(datasets[0]).get_volume()
    else:
        volume = highdicom.get_volume_from_series(datasets)
    array, affine = volume.array.transpose(2, 1, 0), LPS_TO_RAS @ volume.affine[:, [2, 1, 0, 3]]
    row, column, slice_ = (LPS_TO_RAS @ affine)[:3, :3].T
    if np.cross(row, column) @ slice_ < 0:
        affine = affine @ [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, array.shape[2] - 1], [0, 0, 0, 1]]
        array = array[:, :, ::-1]
    return array, affine


def _moved(files, amount):
    header = pydicom.dcmread(files[1])
    position = [float(value) for value in header.ImagePositionPatient]
    header.ImagePositionPatient = [*position[:2], position[2] + amount]
    header.save_as(files[1])
    return files


@pytest.mark.parametrize(
    "write",
    [
        *(lambda folder, o=o: write_series(folder, voxels(), o) for o in (AXIAL, (-1, 0, 0, 0, 1, 0), OBLIQUE)),
        lambda folder: write_series(folder, voxels())[::-1],
        lambda folder: write_series(folder, voxels((7, 5, 30)), OBLIQUE),
        lambda folder: write_series(folder, voxels(), RescaleSlope=0.5),
        lambda folder: _moved(write_series(folder, voxels()), 0.015),
        lambda folder: [write_enhanced(folder / "a.dcm", voxels())],
        lambda folder: [write_enhanced(folder / "a.dcm", voxels(), OBLIQUE, shared_groups=False)],
    ],
)
def test_equal(tmp_path, write):
    files = write(tmp_path)
    (found, affine), (expected, reference) = by_this_package(files), by_highdicom(files)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(affine, reference, atol=1e-4)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda folder: write_series(folder, voxels(), shift=2.0), "as by a tilted gantry"),
        (
            lambda folder: write_series(folder, voxels())[::3] + write_series(folder, voxels())[1:2],
            "slices are missing",
        ),
        (lambda folder: _moved(write_series(folder, voxels()), 0.5), "the spacing is irregular"),
        (lambda folder: _moved(write_series(folder, voxels()), 2.0), "lie at the same place"),
        (
            lambda folder: [*write_series(folder, voxels()), shutil.copy(folder / "IM0000.dcm", folder / "copy.dcm")],
            "lie at the same place",
        ),
        (lambda folder: [write_enhanced(folder / "a.dcm", voxels(), times=2)], "lie at the same place"),
    ],
)
def test_both_refuse(tmp_path, write, words):
    files = write(tmp_path)
    with pytest.raises(ValueError, match=words):
        by_this_package(files)
    with pytest.raises((ValueError, RuntimeError)):  # without a word on which slice
        by_highdicom(files)


def test_a_shift_of_less_than_a_pixel_is_kept(tmp_path):
    """Highdicom takes slices to be stacked along their normal, and so has the others up to 0.15 mm off."""
    files = write_series(tmp_path, voxels(), shift=0.05)
    (_, affine), (_, reference) = by_this_package(files), by_highdicom(files)
    for rank, path in enumerate(files):
        place = LPS_TO_RAS[:3, :3] @ np.array(pydicom.dcmread(path).ImagePositionPatient, dtype=float)
        np.testing.assert_allclose(affine[:3] @ [0, 0, rank, 1], place, atol=1e-6)
    assert np.abs(reference[:3] @ [0, 0, 0, 1] - affine[:3] @ [0, 0, 0, 1]).max() == pytest.approx(0.15)


def test_a_single_slice_is_as_thick_as_its_header_says(tmp_path):
    """For highdicom, such a slice is always 1 mm thick."""
    files = write_series(tmp_path, voxels((7, 5, 1)), SliceThickness=2)
    assert by_this_package(files)[1][2, 2] == 2 and by_highdicom(files)[1][2, 2] == 1
