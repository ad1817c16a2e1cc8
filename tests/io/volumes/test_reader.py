"""MONAI's transforms with the package's reader and writer of volumes: between them an image keeps its place."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from monai.transforms import (
    Compose,
    EnsureChannelFirstd,
    Invertd,
    LoadImage,
    LoadImaged,
    Orientationd,
    SaveImaged,
    Spacingd,
)

from monai_nlseg import bundle
from monai_nlseg.data import VolumeReader
from monai_nlseg.io.volumes import read_volume
from tests.io.encodings import AFFINE, ANATOMY, encodings, in_anatomy, write

READER = "monai_nlseg.data.VolumeReader"


def save(path, values=ANATOMY, affine=AFFINE, unit="mm"):
    image = nibabel.Nifti1Image(values.astype(np.int16), affine)
    image.header.set_xyzt_units(unit)
    nibabel.save(image, path)
    return path


@settings(max_examples=30, deadline=None, derandomize=True)
@given(encoding=encodings())
def test_what_is_loaded_turned_and_saved_lies_where_it_was(encoding):
    with TemporaryDirectory() as name:
        path = write(encoding, Path(name))
        preprocessing = Compose(
            [
                LoadImaged("image", reader=READER),
                EnsureChannelFirstd("image"),
                Orientationd("image", "RAS", labels=None),
            ]
        )
        data = preprocessing({"image": str(path)})
        assert data["image"].shape[0] == 1
        data["pred"] = data["image"].clone()
        after = Compose(
            [
                Invertd("pred", transform=preprocessing, orig_keys="image"),
                SaveImaged(
                    "pred",
                    output_dir=f"{name}/out",
                    resample=False,
                    output_ext=".nii",
                    separate_folder=False,
                    print_log=False,
                    writer="monai_nlseg.data.AtomicNibabelWriter",
                ),
            ]
        )
        after(data)
        (written,) = Path(name, "out").iterdir()
        volume = read_volume(written)
        np.testing.assert_array_equal(in_anatomy(volume.values, volume.affine), ANATOMY)
        if path.name.endswith((".nii", ".nii.gz", ".hdr")):
            unit = {"unknown": "mm"}.get(encoding.unit, encoding.unit)
            assert nibabel.load(written).header.get_xyzt_units()[0] == unit


def test_metadata(tmp_path):
    image, meta = LoadImage(reader=VolumeReader(), image_only=False)(save(tmp_path / "a.nii", unit="micron"))
    assert image.dtype == torch.float32 and meta["filename_or_obj"] == str(tmp_path / "a.nii")
    millimetres = np.diag([1e-3] * 3 + [1]) @ AFFINE
    for key in ("affine", "original_affine"):
        np.testing.assert_allclose(np.asarray(meta[key]), millimetres, atol=1e-6)
    assert list(meta["spatial_shape"]) == [5, 4, 3] and meta["unit"] == "micron"


def test_spacing_is_in_mm(tmp_path):
    path = save(tmp_path / "a.nii", affine=np.diag([2000.0, 2000, 2000, 1]), unit="micron")
    load = Compose([LoadImaged("image", reader=READER), EnsureChannelFirstd("image"), Spacingd("image", (1, 1, 1))])
    assert load({"image": path})["image"].shape == (1, 9, 7, 5)


@pytest.mark.parametrize("shape", [(), (2,)])
def test_modalities_become_channels(tmp_path, shape):
    volumes = [np.broadcast_to(ANATOMY.reshape(5, 4, 3, *[1] * len(shape)), (5, 4, 3, *shape)) + add for add in (0, 1)]
    paths = [save(tmp_path / f"{number}.nii", volume) for number, volume in enumerate(volumes)]
    image = LoadImage(reader=VolumeReader(), ensure_channel_first=True)(paths)
    assert image.shape == (2 * (shape or (1,))[0], 5, 4, 3)
    np.testing.assert_array_equal(image[0], ANATOMY)
    np.testing.assert_array_equal(image[-1], ANATOMY + 1)


@pytest.mark.parametrize(
    ("values", "affine", "words"),
    [
        (ANATOMY[1:], AFFINE, r"0.nii' has shape \(5, 4, 3\), '.*1.nii' has \(4, 4, 3\): resample them to one grid"),
        (ANATOMY, AFFINE + np.diag([0.1, 0, 0, 0]), "the affines of '.*0.nii' and '.*1.nii' differ by up to 0.1 mm"),
    ],
)
def test_modalities_on_several_grids(tmp_path, values, affine, words):
    paths = [save(tmp_path / "0.nii"), save(tmp_path / "1.nii", values, affine)]
    with pytest.raises(ValueError, match=words):
        LoadImage(reader=VolumeReader())(paths)


def test_what_is_refused_is_not_given_to_another_reader(tmp_path):
    image = nibabel.Nifti1Image(ANATOMY.astype(np.complex64), AFFINE)
    nibabel.save(image, tmp_path / "a.nii")
    with pytest.raises(ValueError, match="a.nii' holds complex values") as caught:
        bundle.BundleLoadImage(reader=VolumeReader())(tmp_path / "a.nii")
    assert bundle.explained(caught.value) is caught.value
