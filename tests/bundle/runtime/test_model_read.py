"""What a bundle's preprocessing leaves of the image that was read."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from monai_nlseg.bundle.runtime.model import Model


def test_image_that_is_shown_is_the_file_s_whatever_preprocessing_writes_into_it(tmp_path: Path) -> None:
    values = np.zeros((40, 40, 40), np.int16)
    values[5:35, 5:35, 5:35] = np.random.default_rng(0).integers(20, 120, (30, 30, 30))
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "p1.nii.gz")

    item = Model("brain_t1_nonlocal_unet_segmentation").read([tmp_path / "p1.nii.gz"])

    assert float(item.data["image"].max()) < 10
    np.testing.assert_array_equal(np.asarray(item.image)[0], values)
