from __future__ import annotations

import pickle

import nibabel as nib
import numpy as np
import pytest
import torch

from monai_nlseg.transforms import LoadSliced

AFFINE = np.diag([0.5, 0.5, 2.0, 1.0])


@pytest.fixture
def volumes(tmp_path):
    paths = []
    for number in range(3):
        paths.append(str(tmp_path / f"{number}.nii.gz"))
        volume = np.random.default_rng(number).integers(-1000, 1000, (6, 5, 4)).astype(np.int16)
        nib.save(nib.Nifti1Image(volume, AFFINE), paths[-1])
    return paths


@pytest.mark.parametrize("index", [0, 3])
def test_slice(volumes, index):
    loaded = LoadSliced("image")({"image": volumes[0], "slice": index, "case": "a"})
    expected = np.asarray(nib.load(volumes[0]).dataobj)[:, :, index]
    np.testing.assert_array_equal(loaded["image"][0].numpy(), expected)
    assert loaded["image"].dtype == torch.float32 and loaded["image"].shape == (1, 6, 5)
    assert loaded["image"].meta["filename_or_obj"] == volumes[0]
    np.testing.assert_allclose(loaded["image"].affine.numpy(), AFFINE)
    assert (loaded["case"], loaded["slice"]) == ("a", index)


def test_slice_owns_its_memory(volumes):
    image = LoadSliced("image")({"image": volumes[0], "slice": 1})["image"]
    assert image.untyped_storage().nbytes() == 6 * 5 * 4


@pytest.mark.parametrize(("kept", "reads"), [(1, 6), (2, 4), (3, 3)])
def test_keeps_the_volumes_read_last(volumes, kept, reads):
    read = []

    def loader(path):
        read.append(path)
        return load.__class__("image").loader(path)

    load = LoadSliced("image", volumes=kept, loader=loader)
    for number, index in [(0, 0), (0, 1), (1, 0), (0, 2), (2, 0), (0, 3), (1, 1)]:
        load({"image": volumes[number], "slice": index})
    assert len(read) == reads


def test_each_key_keeps_its_own(volumes):
    load = LoadSliced(("image", "label"))
    for index in range(4):
        data = load({"image": volumes[0], "label": volumes[1], "slice": index})
        expected = np.asarray(nib.load(volumes[1]).dataobj)[:, :, index]
        np.testing.assert_array_equal(data["label"][0].numpy(), expected)
    assert list(load.cache) == volumes[:2]


def test_pickles_without_its_volumes(volumes):
    load = LoadSliced("image")
    load({"image": volumes[0], "slice": 0})
    copy = pickle.loads(pickle.dumps(load))
    assert not copy.cache and load.cache
    assert copy({"image": volumes[0], "slice": 0})["image"].shape == (1, 6, 5)


def test_refusals(volumes, tmp_path):
    for index in (-1, 4):
        with pytest.raises(ValueError, match=rf"shape \(6, 5, 4\): expected three axes and slice {index} in it"):
            LoadSliced("image")({"image": volumes[0], "slice": index})
    nib.save(nib.Nifti1Image(np.zeros((3, 4, 5, 2)), np.eye(4)), tmp_path / "four.nii")
    with pytest.raises(ValueError, match=r"shape \(3, 4, 5, 2\): expected three axes"):
        LoadSliced("image")({"image": str(tmp_path / "four.nii"), "slice": 0})
    with pytest.raises(ValueError, match="volumes is 0"):
        LoadSliced("image", volumes=0)
