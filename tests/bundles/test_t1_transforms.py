"""What the T1 bundle does before and after its network."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.transforms import Compose

from monai_nlseg.bundle import find_bundle, run_bundle

T1 = "brain_t1_nonlocal_unet_segmentation"
SHAPE = (14, 12, 10)
AFFINE = np.array([[1.0, 0, 0, -7], [0, 2.0, 0, 5], [0, 0, 1.5, 3], [0, 0, 0, 1]])


def _tissues() -> np.ndarray:
    """Labels 1, 2, 3 mixed at random in a box that no flip maps onto itself, 0 around it."""
    labels = np.zeros(SHAPE, np.int16)
    labels[2:9, 2:10, 2:8] = np.random.default_rng(0).integers(1, 4, (7, 8, 6))
    return labels


def _save(path, volume, axcodes="RAS"):
    image = nib.Nifti1Image(volume, AFFINE)
    stored = nib.orientations.axcodes2ornt(axcodes)
    nib.save(image.as_reoriented(nib.orientations.ornt_transform(nib.io_orientation(AFFINE), stored)), path)
    return path


def _with_speck(labels: np.ndarray) -> np.ndarray:
    """Add a second component of one voxel a tissue."""
    labels = labels.copy()
    labels[12, 10, 6:9] = 1, 2, 3
    return labels


def _parse(config, key):
    parser = ConfigParser()
    parser.read_config(str(find_bundle(T1) / "configs" / f"{config}.json"))
    parser["bundle_root"] = str(find_bundle(T1))
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


@pytest.mark.parametrize(
    ("config", "key", "items"),
    [("train", "train#loading_transforms", ["image", "label"]), ("inference", "preprocessing", ["image"])],
)
@pytest.mark.parametrize("axcodes", ["LPI", "PIL"])
def test_network_sees_any_orientation_as_ras(config, key, items, axcodes, tmp_path):
    labels = _tissues()
    transforms = Compose(_parse(config, key))
    expected, got = (
        transforms(
            {
                "image": _save(tmp_path / f"{codes}.nii.gz", (labels * 10).astype(np.float32), codes),
                "label": _save(tmp_path / f"{codes}_seg.nii.gz", labels, codes),
            }
        )
        for codes in ("RAS", axcodes)
    )
    for item in items:
        np.testing.assert_array_equal(expected[item][0].numpy() != 0, labels != 0)
        np.testing.assert_allclose(got[item].numpy(), expected[item].numpy(), atol=1e-5)


def _thresholding_network(labels, path):
    """Save weights of a pointwise network that finds ``labels`` in the standardised intensities ``10 * labels``."""
    values = labels[labels > 0] * 10.0
    levels = (np.array([10.0, 20.0, 30.0]) - values.mean()) / values.std() + 4.0
    thresholds = np.array([levels[0] / 2, levels[:2].mean(), levels[1:].mean()])
    # Where the class k exceeds the class k - 1 from the k-th threshold on, it is the largest up to the next.
    weight = torch.arange(4.0).reshape(4, 1, 1, 1, 1)
    bias = torch.tensor([0.0, *-np.cumsum(thresholds)], dtype=torch.float32)
    torch.save({"weight": 20 * weight, "bias": 20 * bias}, path)
    return {"_target_": "torch.nn.Conv3d", "in_channels": 1, "out_channels": 4, "kernel_size": 1}


def test_inference_returns_to_the_orientation_of_the_scan_without_specks(tmp_path):
    labels = _with_speck(_tissues())
    (tmp_path / "scans").mkdir()
    for codes in ("RAS", "LPI", "PIL"):
        _save(tmp_path / "scans" / f"{codes}.nii.gz", (labels * 10).astype(np.float32), codes)
    overrides = {
        "dataset_dir": str(tmp_path / "scans"),
        "output_dir": str(tmp_path / "out"),
        "network_def": _thresholding_network(labels, tmp_path / "model.pt"),
        "checkpoint": str(tmp_path / "model.pt"),
        "device": torch.device("cpu"),
        "roi_size": [8, 8, 8],
        "step": 4,
    }
    run_bundle(T1, ["inference"], overrides, logs=False)
    for codes in ("RAS", "LPI", "PIL"):
        scan = nib.load(tmp_path / "scans" / f"{codes}.nii.gz")
        result = nib.load(tmp_path / "out" / f"{codes}_seg.nii.gz")
        assert result.shape == scan.shape
        np.testing.assert_allclose(result.affine, scan.affine, atol=1e-5)
        np.testing.assert_array_equal(nib.as_closest_canonical(result).dataobj, _tissues(), err_msg=codes)


def test_validation_drops_specks_too():
    prediction = torch.nn.functional.one_hot(torch.from_numpy(_with_speck(_tissues())).long()).movedim(-1, 0).float()
    label = torch.from_numpy(_tissues())[None]
    result = _parse("train", "validate#postprocessing")({"pred": prediction, "label": label})
    assert result["pred"].shape == (4, *SHAPE)
    np.testing.assert_array_equal(result["pred"].numpy(), result["label"].numpy())
