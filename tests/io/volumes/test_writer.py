from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import SaveImage

from monai_nlseg.data import AtomicNibabelWriter

AFFINE = np.diag([0.5, 2.0, 3.0, 1.0])


def _save(folder, value):
    image = MetaTensor(torch.full((1, 4, 5, 6), value), affine=torch.from_numpy(AFFINE))
    image.meta["filename_or_obj"] = "case.nii.gz"
    SaveImage(
        output_dir=folder,
        output_postfix="seg",
        output_dtype="uint8",
        separate_folder=False,
        resample=False,
        print_log=False,
        writer="monai_nlseg.data.AtomicNibabelWriter",
    )(image)


def test_writes_the_volume_with_its_affine_and_nothing_else(tmp_path):
    _save(tmp_path, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["case_seg.nii.gz"]
    volume = nib.load(tmp_path / "case_seg.nii.gz")
    np.testing.assert_array_equal(np.asarray(volume.dataobj), np.full((4, 5, 6), 3, np.uint8))
    np.testing.assert_allclose(volume.affine, AFFINE)


def test_failure_leaves_the_earlier_file(tmp_path, monkeypatch):
    _save(tmp_path, 3)
    before = (tmp_path / "case_seg.nii.gz").read_bytes()

    def disk_full(image, path):
        with open(path, "wb") as file:
            file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nibabel.save", disk_full)
    writer = AtomicNibabelWriter()
    writer.set_data_array(np.zeros((1, 4, 5, 6), np.uint8))
    writer.set_metadata({"affine": AFFINE})
    with pytest.raises(OSError, match="No space left"):
        writer.write(tmp_path / "case_seg.nii.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["case_seg.nii.gz"]
    assert (tmp_path / "case_seg.nii.gz").read_bytes() == before
