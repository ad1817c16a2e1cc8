"""What the T1 bundle does before and after its network."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from monai.bundle import ConfigParser
from monai.transforms import Compose

from monai_nlseg.bundle import find_bundle

T1 = "brain_t1_nonlocal_unet_segmentation"
SHAPE = (14, 12, 10)
AFFINE = np.array([[1.0, 0, 0, -7], [0, 2.0, 0, 5], [0, 0, 1.5, 3], [0, 0, 0, 1]])


def _tissues() -> np.ndarray:
    """Labels 1, 2, 3 mixed at random in a box that no flip maps onto itself, 0 around it."""
    labels = np.zeros(SHAPE, np.int16)
    labels[2:9, 2:10, 2:8] = np.random.default_rng(0).integers(1, 4, (7, 8, 6))
    return labels


def _save(path, volume):
    nib.save(nib.Nifti1Image(volume, AFFINE), path)
    return path


def _parse(config, key):
    parser = ConfigParser()
    parser.read_config(str(find_bundle(T1) / "configs" / f"{config}.json"))
    return parser.get_parsed_content(key)


@pytest.mark.parametrize(("config", "key"), [("train", "train#loading_transforms"), ("inference", "preprocessing")])
@pytest.mark.parametrize(("scale", "offset"), [(0.1, 0.0), (2.0, 300.0), (1.0, -25.0), (3.0, -1000.0)])
def test_network_input_does_not_depend_on_the_unit_of_intensities(config, key, scale, offset, tmp_path):
    labels = _tissues()
    image = np.where(labels > 0, labels * 10.0 + np.random.default_rng(1).normal(size=SHAPE), 0.0).astype(np.float32)
    rescaled = np.where(labels > 0, scale * image + offset, 0.0).astype(np.float32)
    transforms = Compose(_parse(config, key))
    label = _save(tmp_path / "label.nii.gz", labels)
    expected, got = (
        transforms({"image": _save(tmp_path / f"{name}.nii.gz", volume), "label": label})["image"].numpy()
        for name, volume in (("image", image), ("rescaled", rescaled))
    )
    assert (expected[0][labels > 0] != 0).all() and (expected[0][labels == 0] == 0).all()
    np.testing.assert_allclose(got, expected, atol=1e-4)
