from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import SaveImage

from monai_nlseg.data import CTASliceDataset, assemble_slices, cta_datalist, cta_slices, load_axial_cta, load_cta
from monai_nlseg.transforms import LoadSliced
from tests.data.cta.files import AFFINE, SHAPE, save, turned, voxels


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
    """MONAI Label lists volumes so: two paths, the axes in any order, the label in another than the image."""
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
