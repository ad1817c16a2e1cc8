"""The checks as transforms: where their sentences go, and that nothing else changes."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from monai.data import MetaTensor, list_data_collate
from monai.transforms import Compose, Flipd, Invertd

from monai_nlseg.requirements import InputRequirements, ResultLimits
from monai_nlseg.transforms import CheckInput, CheckInputd, CheckResult, CheckResultd

LARGE = InputRequirements(smallest_side=64, spacing_mm=(0.5, 1.5))
HALF = ResultLimits("share", {"1": (0.0, 0.5)}, {"1": "nerve"})


def image(size=32, spacing=1.0, name="scans/a_b.nii.gz"):
    affine = torch.diag(torch.tensor([spacing, spacing, spacing, 1.0]))
    values = torch.arange(size**2 * 2, dtype=torch.float32).reshape(1, size, size, 2)
    return MetaTensor(values, affine=affine, meta={"filename_or_obj": name})


def test_what_is_unlike_is_in_the_meta_data_and_logged_once_by_the_name_of_the_file(caplog):
    checked = CheckInputd("image", LARGE)({"image": image(spacing=2.0), "case": "a"})
    sentences = checked["image"].meta["unlike_input"].splitlines()
    assert [sentence.split(",")[0] for sentence in sentences] == [
        "the image has 32 x 32 x 2 pixels",
        "a voxel has 2 x 2 x 2 mm",
    ]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING and checked["case"] == "a"
    assert record.message == f"scans/a_b.nii.gz is unlike what the bundle was made for: {'; '.join(sentences)}"


@pytest.mark.parametrize("kind", [np.ndarray, torch.Tensor, MetaTensor])
def test_the_image_stays_as_it_is(kind, caplog):
    given = {np.ndarray: image().numpy(), torch.Tensor: image().as_tensor(), MetaTensor: image()}[kind]
    expected = np.array(given)
    checked = CheckInput(LARGE)(given)
    assert type(checked) is kind and len(caplog.records) == 1
    np.testing.assert_array_equal(np.asarray(checked), expected)


def test_images_collate_whether_they_are_unlike_or_not():
    check = CheckInputd("image", InputRequirements(spacing_mm=(0.5, 1.5)))
    batch = list_data_collate([check({"image": image(spacing=size)}) for size in (1.0, 2.0)])["image"]
    assert batch.shape == (2, 1, 32, 32, 2)
    assert batch.meta["unlike_input"][0] == "" and batch.meta["unlike_input"][1].startswith("a voxel has 2")


def test_the_way_back_to_the_grid_of_the_input():
    preprocessing = Compose([CheckInputd("image", LARGE), Flipd("image", 0)])
    data = preprocessing({"image": image()})
    data["pred"] = data["image"].clone()
    back = Invertd("pred", preprocessing, orig_keys="image", nearest_interp=True)(data)["pred"]
    np.testing.assert_array_equal(back.numpy(), image().numpy())


def test_strict_refuses_by_the_name_of_the_file(caplog):
    with pytest.raises(
        ValueError, match=r"scans/a_b.nii.gz is unlike what the bundle was made for: the image has 32 x"
    ):
        CheckInput(LARGE, strict=True)(image())
    with pytest.raises(ValueError, match=r"the result of scans/a_b.nii.gz is unlike .*: nerve fills 100 %"):
        CheckResult(HALF, strict=True)(image() * 0 + 1)
    assert not caplog.records


def test_without_requirements_nothing_is_measured(caplog):
    assert "unlike_input" not in CheckInput(None)(image()).meta
    assert "unlike_result" not in CheckResult(None)(image()).meta
    assert not caplog.records


def test_results(caplog):
    full, empty = (MetaTensor(torch.full((1, 8, 8), value), meta={"filename_or_obj": "a.png"}) for value in (1.0, 0.0))
    assert CheckResultd("pred", HALF)({"pred": empty})["pred"].meta["unlike_result"] == ""
    assert not caplog.records
    found = CheckResultd("pred", HALF)({"pred": full})["pred"].meta["unlike_result"]
    assert found.startswith("nerve fills 100 % of the image, expected 0 to 50 %")
    assert caplog.records[0].message.startswith("the result of a.png is unlike what the bundle was made for: nerve")


def test_millilitres_by_the_affine():
    limits = ResultLimits("ml", {"1": (0.9, 1.1)})
    ones = (image(size=16, spacing=2.0) * 0 + 1).to(torch.uint8)  # 512 voxels of 8 mm^3
    assert "label 1 has 4.1 ml" in CheckResult(limits)(ones).meta["unlike_result"]
    assert CheckResult(limits)(image(size=16, spacing=1.25) * 0 + 1).meta["unlike_result"] == ""
