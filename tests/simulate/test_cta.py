from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import binary_dilation, label

from monai_nlseg.simulate import cta, simulate_cta

SIZE = (96, 96, 48)


def volumes(folder):
    return [nib.load(folder / name) for name in ("image.nii.gz", "label.nii.gz")]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cta")
    simulate_cta(folder, 2, seed=1, size=SIZE)
    return folder


@pytest.mark.parametrize("patient", ["patient-001", "patient-002"])
def test_volumes(simulated, patient):
    assert sorted(path.name for path in (simulated / patient).iterdir()) == ["image.nii.gz", "label.nii.gz"]
    image, mask = volumes(simulated / patient)
    assert image.shape == mask.shape == SIZE
    assert image.get_data_dtype() == np.int16 and mask.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(image.affine, mask.affine)
    assert nib.aff2axcodes(image.affine) == ("L", "P", "S")
    np.testing.assert_allclose(image.header.get_zooms(), np.array([220, 220, 135]) / SIZE, rtol=1e-6)
    density, vessels = np.asarray(image.dataobj), np.asarray(mask.dataobj)
    assert set(np.unique(vessels)) == {0, 1} and vessels.mean() < 0.02
    assert density.min() >= -1024 and abs(np.median(density[:5, :5]) + 1000) < 10 and density.max() > 900
    components, count = label(vessels, np.ones((3, 3, 3)))
    sizes = np.bincount(components.ravel())[1:]
    assert sizes.max() / sizes.sum() > 0.97, "one tree, up to twigs thinner than a voxel"
    around = binary_dilation(vessels, iterations=3) & ~binary_dilation(vessels)
    assert np.median(density[vessels > 0]) > np.median(density[around]) + 80


def test_the_same_seed_gives_the_same_files_however_many(simulated, tmp_path):
    simulate_cta(tmp_path, 1, seed=1, size=SIZE)
    for name in ("image.nii.gz", "label.nii.gz"):
        whole = (simulated / "patient-001" / name).read_bytes()
        assert (tmp_path / "patient-001" / name).read_bytes() == whole
        assert (simulated / "patient-002" / name).read_bytes() != whole


@pytest.mark.parametrize("dicom", [False, True])
def test_adds_what_is_missing_and_leaves_the_rest(tmp_path, dicom):
    if dicom:
        pytest.importorskip("pydicom")
    size = (40, 40, 33)
    (label_file,) = simulate_cta(tmp_path, 1, seed=1, size=size, dicom=dicom)
    whole = label_file.read_bytes()
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*") if path != label_file}
    assert len(stamps) == (34 if dicom else 2)
    label_file.unlink()  # as an interruption leaves it
    simulate_cta(tmp_path, 1, seed=1, size=size, dicom=dicom)
    assert label_file.read_bytes() == whole
    stamps[label_file] = label_file.stat().st_mtime_ns
    simulate_cta(tmp_path, 1, seed=1, size=size, dicom=dicom)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == stamps


def test_dicom_series(simulated, tmp_path):
    pydicom = pytest.importorskip("pydicom")
    simulate_cta(tmp_path, 1, seed=1, size=SIZE, dicom=True)
    folder = tmp_path / "patient-001"
    assert sorted(path.name for path in folder.iterdir()) == ["image", "label.nii.gz"]
    image, _ = volumes(simulated / "patient-001")
    assert (folder / "label.nii.gz").read_bytes() == (simulated / "patient-001" / "label.nii.gz").read_bytes()
    slices = [pydicom.dcmread(path) for path in sorted((folder / "image").iterdir())]
    np.testing.assert_array_equal(np.stack([each.pixel_array.T for each in slices], axis=-1), image.get_fdata())
    assert len({each.SeriesInstanceUID for each in slices}) == 1
    assert len({each.SOPInstanceUID for each in slices}) == len(slices) == SIZE[2]
    for index in (0, SIZE[2] - 1):  # NIfTI's axes left and posterior are DICOM's with the sign turned
        place = image.affine @ [0, 0, index, 1]
        np.testing.assert_allclose(slices[index].ImagePositionPatient, place[:3] * [-1, -1, 1], atol=1e-4)
    first = (folder / "image" / "0001.dcm").read_bytes()
    simulate_cta(tmp_path / "again", 1, seed=1, size=SIZE, dicom=True)
    assert (tmp_path / "again" / "patient-001" / "image" / "0001.dcm").read_bytes() == first
    with pytest.raises(ValueError, match="another dicom"):
        simulate_cta(tmp_path, 1, seed=1, size=SIZE)


def test_refuses(simulated, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="the number of cases is 0: give a whole number from 1"):
        simulate_cta(tmp_path, 0)
    with pytest.raises(ValueError, match="3 numbers of at least 32"):
        simulate_cta(tmp_path, 1, size=(64, 64))
    with pytest.raises(ValueError, match="another seed"):
        simulate_cta(simulated, 1, seed=2, size=SIZE)
    monkeypatch.setattr(cta, "optional_import", lambda _: (None, False))
    with pytest.raises(ValueError, match=r"monai-nlseg\[dicom\]"):
        simulate_cta(tmp_path, 1, dicom=True)
    assert not list(tmp_path.iterdir())
