from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from monai.data import PydicomReader

pytest.importorskip("pydicom")

import pydicom

from monai_nlseg.data import CTAReader, cta_datalist, cta_images, cta_slices, load_cta
from monai_nlseg.io.dicom.stage import stage_dicom
from monai_nlseg.transforms import LoadSliced
from tests.data.cta.files import AFFINE, save_series, voxels
from tests.io.dicom.dicom_files import AXIAL, OBLIQUE, write_series


def _image(folder):
    return folder / "patient-1" / "image.nii.gz"


def test_series_without_pydicom(folder, monkeypatch):
    _image(folder).unlink()
    (folder / "patient-1" / "image").mkdir()
    monkeypatch.setattr("monai_nlseg.io.dicom.header.optional_import", lambda name: (None, False))
    with pytest.raises(ValueError, match=r"DICOM needs pydicom: pip install 'monai-nlseg\[dicom\]'"):
        cta_datalist(folder)


@pytest.fixture
def series(folder):
    """The image of patient-1 as a DICOM series, its label as NIfTI."""
    _image(folder).unlink()
    save_series(folder / "patient-1" / "image", voxels(len(".nii.gz")))
    return folder


def test_series(series):
    datalist = cta_datalist(series, check_content=True)
    assert datalist[0]["slices"] == 5
    entry = cta_slices(datalist)[3]
    loaded = LoadSliced(("image", "label"), loader=load_cta)(entry)
    np.testing.assert_array_equal(loaded["image"][0].numpy(), voxels(len(".nii.gz"))[:, :, 3])
    np.testing.assert_array_equal(loaded["label"].numpy(), (loaded["image"].numpy() > 500))
    np.testing.assert_allclose(loaded["image"].affine.numpy(), AFFINE, atol=1e-6)


@pytest.mark.parametrize("orientation", [AXIAL, (-1, 0, 0, 0, 1, 0), OBLIQUE])
@pytest.mark.parametrize("downwards", [False, True])
@pytest.mark.parametrize("scale", [(1, 0), (0.5, -1024)])
def test_a_series_is_read_as_monai_reads_it(tmp_path, orientation, downwards, scale):
    """Voxels in the order of the instance numbers, from the head or from the feet, and their place."""
    slope, intercept = scale
    files = write_series(tmp_path, voxels(), orientation, RescaleSlope=slope, RescaleIntercept=intercept)
    for number, path in enumerate(reversed(files) if downwards else files):
        header = pydicom.dcmread(path)
        header.InstanceNumber = number
        header.save_as(path)
    monai = PydicomReader()
    expected, meta = monai.get_data(monai.read(tmp_path))
    found = load_cta(tmp_path)
    np.testing.assert_array_equal(found.numpy(), expected)
    assert found.numpy().dtype == np.float32
    np.testing.assert_allclose(found.affine.numpy(), meta["affine"], atol=1e-5)
    assert set(CTAReader().get_data([str(tmp_path)])[1]) == {
        "affine",
        "original_affine",
        "spatial_shape",
        "space",
        "original_channel_dim",
        "unit",
    }  # and nothing of the patient


@pytest.mark.parametrize(
    ("jitter", "words"), [(0.0, None), (0.015, None), (0.03, "the spacing is irregular: .*001.dcm' and .*002.dcm'")]
)
def test_irregular_spacing_is_one_thing_to_nlseg_run_and_nlseg_infer(tmp_path, jitter, words):
    """The larger limit holds: 1 % of 0.625 mm is less than 0.02 mm."""
    save_series(tmp_path / "s", voxels(), places=[0, 0.625, 1.25 + jitter, 1.875, 2.5])
    files = sorted((tmp_path / "s").iterdir())
    (tmp_path / "staged").mkdir()
    readers = (lambda: stage_dicom(files, tmp_path / "staged"), lambda: load_cta(tmp_path / "s"))
    readers += (lambda: cta_images(tmp_path / "s"),)
    if words is None:
        staged, loaded, _ = (read() for read in readers)
        image = nib.load(staged.images[0])
        np.testing.assert_array_equal(np.asarray(image.dataobj), loaded.numpy())
        np.testing.assert_allclose(image.affine, loaded.affine.numpy(), atol=1e-5)
        return
    sentences = set()
    for read in readers:
        with pytest.raises(ValueError, match=words) as raised:
            read()
        sentences.add(str(raised.value))
    assert len(sentences) == 1


def test_other_files_beside_a_series(series):
    for name in ("LICENSE", "DICOMDIR", "Thumbs.db", "notes.txt", "._000.dcm", ".DS_Store"):
        (series / "patient-1" / "image" / name).write_bytes(bytes(200))
    datalist = cta_datalist(series, check_content=True)
    assert datalist[0]["slices"] == 5
    np.testing.assert_array_equal(load_cta(datalist[0]["image"]).numpy(), voxels(len(".nii.gz")))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda image: (image / "002.dcm").unlink(), "slices are missing: .*001.dcm' and .*003.dcm'"),
        (
            lambda image: (image / "002.dcm").write_bytes((image / "001.dcm").read_bytes()),
            "001.dcm' and .*002.dcm' lie at the same place: give one slice for each position",
        ),
        (lambda image: save_series(image / ".." / "image", voxels()[:, :, :1], "1.2.4"), "belong to 2 DICOM series"),
        (lambda image: [path.unlink() for path in image.iterdir()], "holds 0 DICOM slices"),
        (lambda image: (image / "004.dcm").write_bytes(b""), "004.dcm' cannot be read as DICOM .*: restore"),
        (lambda image: (image / "005.DCM").write_text("text"), "005.DCM' cannot be read as DICOM .*: restore the"),
        (lambda image: (image / "004.dcm").unlink(), r"label has shape \(8, 6, 5\), image \(8, 6, 4\)"),
        (
            lambda image: (image / "001.dcm").write_bytes((image / "001.dcm").read_bytes()[:-20]),
            "pixels of .*001.dcm' cannot be decoded",
        ),
    ],
)
def test_damaged_series(series, damage, words):
    damage(series / "patient-1" / "image")
    with pytest.raises(ValueError, match=words):
        cta_datalist(series)
