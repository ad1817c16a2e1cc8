"""Files of label maps that clients lay over the image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from monai_nlseg.bundle.runtime.prediction import Prediction
from monai_nlseg.label.infer import write_result


@pytest.mark.parametrize("suffix", ["", ".nrrd", ".mha", ".nii", ".nii.gz"])
def test_the_map_of_a_picture_lies_where_itk_has_the_picture(tmp_path, suffix):
    """As 3D Slicer shows both, which asks for NRRD."""
    labels = np.zeros((20, 30), dtype=np.uint8)
    labels[2:5, 20:28] = 1
    Image.fromarray(labels * 255).save(tmp_path / "picture.png")
    written = Path(write_result(Prediction(labels, labels, False, None, None), suffix))
    try:
        found = sitk.ReadImage(str(written))
    finally:
        written.unlink()
    picture = sitk.ReadImage(str(tmp_path / "picture.png"))
    for corner in ((0, 0), (29, 19)):
        place = found.TransformIndexToPhysicalPoint(corner)
        assert place == pytest.approx(picture.TransformIndexToPhysicalPoint(corner))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), labels)
    assert found.GetPixelID() == sitk.sitkUInt8
