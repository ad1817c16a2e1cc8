from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import SaveImage

from monai_nlseg.data import CTASliceDataset, assemble_slices, cta_datalist, cta_slices, load_axial_cta, load_cta
from monai_nlseg.transforms import LoadSliced
from tests.data.images import truncate

SHAPE = (8, 6, 5)
AFFINE = np.array([[-0.5, 0, 0, 30], [0, -0.5, 0, 40], [0, 0, 0.625, -50], [0, 0, 0, 1]])


def voxels(seed=0):
    return np.random.default_rng(seed).integers(-1000, 2000, SHAPE).astype(np.int16)


def save(path, values, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(values, affine), path)


@pytest.fixture
def folder(tmp_path):
    for subject, ending in (("patient-1", ".nii.gz"), ("patient-2", ".nii")):
        image = voxels(len(ending))
        save(tmp_path / subject / f"image{ending}", image)
        save(tmp_path / subject / f"label{ending}", (image > 500).astype(np.uint8))
    return tmp_path


def test_volumes_and_slices(folder):
    datalist = cta_datalist(folder, check_content=True)
    assert datalist[0] == {
        "case": "patient-1",
        "image": str(folder / "patient-1" / "image.nii.gz"),
        "label": str(folder / "patient-1" / "label.nii.gz"),
        "subject": "patient-1",
        "slices": 5,
    }
    assert [entry["case"] for entry in cta_datalist(folder, ["patient-2"])] == ["patient-2"]
    slices = cta_slices(datalist)
    assert len(slices) == 10
    assert slices[6] == {
        "case": "patient-2_0001",
        "image": str(folder / "patient-2" / "image.nii"),
        "label": str(folder / "patient-2" / "label.nii"),
        "subject": "patient-2",
        "slice": 1,
    }
    (folder / "patient-1" / "label.nii.gz").unlink()
    assert "label" not in cta_datalist(folder, labelled=False)[0]


def test_slices_and_back(folder, tmp_path):
    load = LoadSliced(("image", "label"), loader=load_cta)
    entries = cta_slices(cta_datalist(folder, ["patient-1"]))
    predicted = {entry["slice"]: load(entry)["image"] > 500 for entry in reversed(entries)}
    volume = assemble_slices(predicted, entries[0]["image"])
    assert isinstance(volume, MetaTensor) and volume.shape == (1, *SHAPE)
    save_image = SaveImage(output_dir=tmp_path / "out", output_dtype="uint8", resample=False, separate_folder=False)
    save_image(volume)
    saved = nib.load(tmp_path / "out" / "image_trans.nii.gz")
    label = nib.load(folder / "patient-1" / "label.nii.gz")
    np.testing.assert_array_equal(np.asarray(saved.dataobj), np.asarray(label.dataobj))
    np.testing.assert_allclose(saved.affine, AFFINE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda slices: slices.pop(3), r"has 5 slices: slices \[3\] are missing and \[\] unknown"),
        (lambda slices: slices.update({5: slices[0]}), r"slices \[\] are missing and \[5\] unknown"),
        (lambda slices: slices.update({2: torch.zeros(1, 6, 8)}), r"slice 2 .* \(1, 6, 8\): expected \(C, 8, 6\)"),
        (lambda slices: slices.update({2: torch.zeros(2, 8, 6)}), r"slice 2 has shape \(2, 8, 6\)"),
        (lambda slices: slices.update({0: torch.zeros(8, 6)}), r"slice 0 has shape \(8, 6\)"),
    ],
)
def test_slices_that_do_not_fit(folder, change, words):
    slices = {index: torch.zeros(1, 8, 6) for index in range(5)}
    change(slices)
    with pytest.raises(ValueError, match=words):
        assemble_slices(slices, folder / "patient-1" / "image.nii.gz")


def _image(folder):
    return folder / "patient-1" / "image.nii.gz"


def _label(folder):
    return folder / "patient-1" / "label.nii.gz"


SAGITTAL = np.array([[0, 0, 0.6, 0], [0.5, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: _label(folder).unlink(), "patient-1' holds no label: expected one of label.nii.gz"),
        (lambda folder: _image(folder).unlink(), "patient-1' holds no image"),
        (lambda folder: save(folder / "patient-1" / "image.nii", voxels()), "both 'image.nii.gz' and 'image.nii'"),
        (lambda folder: save(_label(folder), np.zeros((8, 6, 4), np.uint8)), r"label has shape \(8, 6, 4\), image \(8"),
        (lambda folder: save(_label(folder), np.ones(SHAPE, np.uint8), np.eye(4)), "affine of label differs"),
        (
            lambda folder: save(_image(folder), np.stack([voxels()] * 2, -1)),
            r"has shape \(8, 6, 5, 2\): expected a volume",
        ),
        (lambda folder: save(_image(folder), voxels(), SAGITTAL), "axes run ASR: turn it so that the last runs S or I"),
        (lambda folder: _image(folder).write_bytes(b"no volume"), "not a readable NIfTI"),
        (lambda folder: truncate(folder / "patient-2" / "image.nii"), "image.nii' is truncated"),
        (lambda folder: save(_image(folder), np.full(SHAPE, np.nan, np.float32)), "holds NaN or infinite values"),
        (lambda folder: save(_label(folder), voxels()), r"holds the values \[.*\]: expected 0 and one for vessels"),
        (lambda folder: save(_label(folder), np.zeros(SHAPE, np.uint8)), r"holds the values \[0\]: expected 0 and one"),
    ],
)
def test_damage_is_named(folder, damage, words):
    damage(folder)
    with pytest.raises(ValueError, match=words):
        cta_datalist(folder, check_content=True)


def test_what_is_not_there(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty' holds no folder: expected a folder for each patient with image"):
        cta_datalist(tmp_path / "empty")
    with pytest.raises(ValueError, match=r"no subject \['patient-3'\]"):
        cta_datalist(folder, ["patient-3"])
    with pytest.raises(ValueError, match="not a directory: give the folder with a folder for each patient"):
        cta_datalist(tmp_path / "nowhere")


def test_series_without_pydicom(folder, monkeypatch):
    _image(folder).unlink()
    (folder / "patient-1" / "image").mkdir()
    monkeypatch.setattr("monai_nlseg.data.cta.optional_import", lambda name: (None, False))
    with pytest.raises(ValueError, match="image' is a DICOM series: install pydicom to read it, or convert it"):
        cta_datalist(folder)


def save_series(path, values, uid="1.2.3", first=1):
    pydicom = pytest.importorskip("pydicom")
    path.mkdir(parents=True, exist_ok=True)
    for index in range(values.shape[2]):
        header = pydicom.Dataset()
        header.file_meta = pydicom.dataset.FileMetaDataset()
        header.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = f"{uid}.{first + index}"
        header.SeriesInstanceUID, header.Modality, header.InstanceNumber = uid, "CT", first + index
        header.Columns, header.Rows = values.shape[:2]
        header.PixelSpacing, header.SliceThickness = [0.5, 0.5], 0.625
        header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        header.ImagePositionPatient = [-30, -40, -50 + 0.625 * index]  # of DICOM's LPS
        header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
        header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 16, 15, 1
        header.RescaleSlope, header.RescaleIntercept = 1, 0
        header.PixelData = np.ascontiguousarray(values[:, :, index].T).tobytes()
        header.save_as(path / f"{index:03d}.dcm", enforce_file_format=True)


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


def test_other_files_beside_a_series(series):
    for name in ("LICENSE", "Thumbs.db", "notes.txt", "._000.dcm", ".DS_Store"):
        (series / "patient-1" / "image" / name).write_bytes(bytes(200))
    datalist = cta_datalist(series, check_content=True)
    assert datalist[0]["slices"] == 5
    np.testing.assert_array_equal(load_cta(datalist[0]["image"]).numpy(), voxels(len(".nii.gz")))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda image: (image / "002.dcm").unlink(), "lie 0.625 to 1.25 mm apart: restore the missing slices"),
        (lambda image: (image / "002.dcm").write_bytes((image / "001.dcm").read_bytes()), "lie 0 to 1.25 mm apart"),
        (lambda image: save_series(image / ".." / "image", voxels()[:, :, :1], "1.2.4"), "holds 2 DICOM series"),
        (lambda image: [path.unlink() for path in image.iterdir()], "holds 0 DICOM slices"),
        (lambda image: (image / "004.dcm").write_bytes(b""), "004.dcm' is not a DICOM slice or is damaged"),
        (lambda image: (image / "005.DCM").write_text("text"), "005.DCM' is not a DICOM slice or is damaged"),
        (lambda image: (image / "004.dcm").unlink(), r"label has shape \(8, 6, 5\), image \(8, 6, 4\)"),
        (
            lambda image: (image / "001.dcm").write_bytes((image / "001.dcm").read_bytes()[:-20]),
            "voxels of .* cannot be read",
        ),
    ],
)
def test_damaged_series(series, damage, words):
    damage(series / "patient-1" / "image")
    with pytest.raises(ValueError, match=words):
        cta_datalist(series)


def turned(image, code):
    """The same volume with its axes stored in another order."""
    turn = nib.orientations.ornt_transform(nib.io_orientation(image.affine), nib.orientations.axcodes2ornt(tuple(code)))
    return image.as_reoriented(turn)


def test_axial_view_does_not_depend_on_the_order_of_storage(tmp_path):
    """A volume stored in DICOM's axes, in RAS, and with its axes swapped and its slices from the head downwards."""
    save(tmp_path / "lps.nii", voxels())
    for code in ("RAS", "PRI"):
        nib.save(turned(nib.load(tmp_path / "lps.nii"), code), tmp_path / f"{code}.nii")
        assert nib.aff2axcodes(nib.load(tmp_path / f"{code}.nii").affine) == tuple(code)
    for name in ("lps", "RAS", "PRI"):
        view = load_axial_cta(tmp_path / f"{name}.nii")
        np.testing.assert_array_equal(view.numpy(), voxels())
        np.testing.assert_allclose(view.affine.numpy(), AFFINE)


@pytest.mark.parametrize("code", ["LPS", "RAS", "PRI", "ASR"])
def test_slices_of_volumes_that_no_reader_listed(tmp_path, code):
    """As MONAI Label lists them: two paths, the axes in any order, the label in another than the image."""
    values = voxels()
    nib.save(turned(nib.Nifti1Image(values, AFFINE), code), tmp_path / "image.nii.gz")
    save(tmp_path / "label.nii.gz", (values > 500).astype(np.uint8))
    volume = {"image": str(tmp_path / "image.nii.gz"), "label": str(tmp_path / "label.nii.gz")}
    slices = cta_slices([volume])
    assert slices == [volume | {"slice": index} for index in range(5)]
    dataset = CTASliceDataset([volume], LoadSliced(("image", "label"), loader=load_axial_cta), progress=False)
    assert dataset.data == slices
    for index, slice_ in enumerate(dataset):
        np.testing.assert_array_equal(slice_["image"][0].numpy(), values[:, :, index])
        np.testing.assert_array_equal(slice_["label"][0].numpy(), values[:, :, index] > 500)


def test_slices_of_nrrd(tmp_path):
    nrrd = pytest.importorskip("nrrd")
    header = {
        "space": "left-posterior-superior",
        "space directions": np.diag([0.5, 0.5, 0.625]),
        "space origin": [0] * 3,
    }
    nrrd.write(str(tmp_path / "image.nrrd"), voxels(), header)
    entries = cta_slices([{"image": str(tmp_path / "image.nrrd")}])
    found = LoadSliced("image", loader=load_axial_cta)(entries[4])["image"]
    np.testing.assert_array_equal(found[0].numpy(), voxels()[:, :, 4])


@pytest.mark.parametrize(
    ("values", "affine", "words"),
    [
        (voxels()[:, :, 1:], AFFINE, r"label has shape \(8, 6, 4\), image \(8, 6, 5\): resample them to one grid"),
        (voxels(), np.diag([-0.5, -0.5, 0.7, 1]), "affine of label differs from that of image"),
        (np.stack([voxels()] * 2, -1), AFFINE, "label.nii.gz' has shape .*: expected a volume of three axes"),
    ],
)
def test_labels_of_such_volumes_on_another_grid(tmp_path, values, affine, words):
    save(tmp_path / "image.nii.gz", voxels())
    save(tmp_path / "label.nii.gz", values, affine)
    with pytest.raises(ValueError, match=words):
        cta_slices([{"image": str(tmp_path / "image.nii.gz"), "label": str(tmp_path / "label.nii.gz")}])


def test_any_byte_order(tmp_path):
    header = nib.Nifti1Header(endianness=">")
    header.set_data_dtype(np.int16)
    nib.save(nib.Nifti1Image(voxels(), AFFINE, header), tmp_path / "a.nii")
    assert nib.load(tmp_path / "a.nii").header.endianness == ">"
    np.testing.assert_array_equal(load_cta(tmp_path / "a.nii").numpy(), voxels())
