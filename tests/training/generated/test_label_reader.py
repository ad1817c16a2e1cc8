from __future__ import annotations

import nibabel
import numpy as np
import pytest
from monai.transforms import LoadImage
from PIL import Image

from monai_nlseg.training.generated import LabelReader


def loaded(paths):
    return LoadImage(reader=LabelReader, ensure_channel_first=True)(paths)


def test_indices_of_a_palette_and_values_of_16_bits_stay(tmp_path):
    values = np.array([[0, 1, 2], [2, 1, 0]], dtype=np.uint8)
    picture = Image.fromarray(values, mode="P")
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    picture.save(tmp_path / "palette.png")
    assert np.array_equal(loaded(tmp_path / "palette.png")[0], values)
    Image.fromarray(values.astype(np.uint16) * 1000).save(tmp_path / "deep.png")
    assert np.array_equal(loaded(tmp_path / "deep.png")[0], values.astype(int) * 1000)


def test_several_masks_are_channels(tmp_path):
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for number, file in enumerate(files):
        Image.fromarray(np.full((3, 4), number * 255, np.uint8)).save(file)
    assert loaded(files).shape == (2, 3, 4)
    Image.fromarray(np.zeros((3, 5), np.uint8)).save(files[1])
    with pytest.raises(ValueError, match="expected masks of one image"):
        loaded(files)


def test_a_volume_keeps_its_affine(tmp_path):
    affine = np.diag([-1.0, 2.0, 3.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(np.full((3, 4, 5), 250, np.int16), affine), tmp_path / "a.nii.gz")
    found = loaded(tmp_path / "a.nii.gz")
    assert found.shape == (1, 3, 4, 5) and (found == 250).all()
    assert np.allclose(found.affine, affine)
