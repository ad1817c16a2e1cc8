"""What every transform of arrays promises: both forms agree, the container and meta data stay, refusals say why."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Flipd

from monai_nlseg.requirements import InputRequirements, ResultLimits
from monai_nlseg.transforms import (
    CLAHE,
    AreaThreshold,
    AreaThresholdd,
    CheckInputd,
    CheckResultd,
    CLAHEd,
    ErosionMaskSmoothing,
    ErosionMaskSmoothingd,
    FieldOfViewd,
    FillContour,
    FillContourd,
    MergeMasks,
    MergeMasksd,
    RemoveSmallComponents,
    RemoveSmallComponentsd,
    StandardizeWindow,
    StandardizeWindowd,
)

# array form, dictionary form, arguments other than the defaults, whether the result is always float32
CASES = [
    (AreaThreshold, AreaThresholdd, {"threshold": 8}, False),
    (CLAHE, CLAHEd, {"kernel_size": 4, "clip_limit": 0.1, "num_bins": 16}, True),
    (
        ErosionMaskSmoothing,
        ErosionMaskSmoothingd,
        {"kernel_size": 3, "iterations": 1, "epsilon": 0.25, "two_channel": True},
        True,
    ),
    (FillContour, FillContourd, {"threshold": 1}, False),
    (RemoveSmallComponents, RemoveSmallComponentsd, {"min_fraction": 0.2, "connectivity": 1}, False),
    (MergeMasks, MergeMasksd, {}, True),
]
DICTIONARIES = [
    *(dictionary for _, dictionary, _, _ in CASES),
    StandardizeWindowd,
    FieldOfViewd,
    lambda *keys, **options: CheckInputd(*keys, InputRequirements(smallest_side=64), **options),
    lambda *keys, **options: CheckResultd(*keys, ResultLimits("share", {"1": (0.0, 0.5)}), **options),
]
ILL_ARGUMENTS = [
    (AreaThreshold, {"threshold": -1}, "threshold is -1"),
    (CLAHE, {"kernel_size": 0}, "kernel_size is 0"),
    (CLAHE, {"kernel_size": (8, 0)}, r"kernel_size is \(8, 0\)"),
    (CLAHE, {"clip_limit": 2.0}, "clip_limit is 2.0"),
    (CLAHE, {"clip_limit": -0.1}, "clip_limit is -0.1"),
    (CLAHE, {"num_bins": 1}, "num_bins is 1"),
    (ErosionMaskSmoothing, {"kernel_size": 8}, "kernel_size is 8"),
    (ErosionMaskSmoothing, {"kernel_size": -1}, "kernel_size is -1"),
    (ErosionMaskSmoothing, {"iterations": 0}, "iterations is 0"),
    (ErosionMaskSmoothing, {"epsilon": 1}, "epsilon is 1"),
    (ErosionMaskSmoothing, {"epsilon": -0.1}, "epsilon is -0.1"),
    (RemoveSmallComponents, {"min_fraction": 3}, "min_fraction is 3"),
    (RemoveSmallComponents, {"min_fraction": -1}, "min_fraction is -1"),
    (RemoveSmallComponents, {"connectivity": 0}, "connectivity is 0"),
]
DTYPES = [torch.uint8, torch.int64, torch.float16, torch.float32, torch.float64]


def drawing(dtype=torch.float32, ring=1):
    """A ring of 5 x 5 pixels with a dot beside it, 17 pixels."""
    image = torch.zeros(1, 9, 10, dtype=dtype)
    image[:, 2:7, 2:7] = ring
    image[:, 3:6, 3:6] = 0
    image[:, 1, 8] = 1
    return image


def as_kind(image, kind):
    return image.numpy() if kind is np.ndarray else kind(image)


@pytest.mark.parametrize("kind", [np.ndarray, torch.Tensor, MetaTensor])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("array", "dictionary", "arguments", "to_float"), CASES)
def test_both_forms_keep_container_and_type(array, dictionary, arguments, to_float, dtype, kind):
    drawn = drawing(dtype, ring=2 if array is FillContour else 1)
    image = as_kind(drawn.clone(), kind)
    alone = array(**arguments)(image)
    inside = dictionary(keys="image", **arguments)({"image": image, "case": "a"})
    assert type(alone) is type(inside["image"]) is kind
    assert inside["case"] == "a"
    assert torch.as_tensor(alone).dtype == (torch.float32 if to_float else dtype)
    np.testing.assert_array_equal(np.asarray(alone), np.asarray(inside["image"]))
    np.testing.assert_array_equal(np.asarray(image), drawn.numpy(), "the input was changed")
    acts = not np.array_equal(np.asarray(alone), np.asarray(array()(image)))
    assert acts == bool(arguments), "the arguments do not act"


@pytest.mark.parametrize("kind", [np.ndarray, torch.Tensor, MetaTensor])
def test_windows_are_standardised_alike_in_both_forms(kind):
    image = as_kind(torch.rand(2, 6, 5, 4) * 50, kind)
    alone = StandardizeWindow()(image)
    inside = StandardizeWindowd(keys="image")({"image": image, "case": "a"})
    assert type(alone) is type(inside["image"]) is kind and inside["case"] == "a"
    np.testing.assert_allclose(np.asarray(alone), np.asarray(inside["image"]))


@pytest.mark.parametrize(("array", "dictionary", "arguments", "to_float"), CASES)
def test_meta_data_and_earlier_transforms_stay(array, dictionary, arguments, to_float):
    image = MetaTensor(
        drawing(ring=2 if array is FillContour else 1),
        affine=torch.diag(torch.tensor([0.5, 0.25, 1, 1])),
        meta={"filename_or_obj": "a.png"},
    )
    pipeline = Compose([Flipd("image", spatial_axis=0), dictionary("image", **arguments)])
    result = pipeline({"image": image})["image"]
    assert result.meta["filename_or_obj"] == "a.png"
    flipped = Flipd("image", spatial_axis=0)({"image": image})["image"]
    torch.testing.assert_close(result.affine, flipped.affine)
    restored = pipeline.inverse({"image": result})["image"]
    np.testing.assert_array_equal(restored.numpy(), np.asarray(array(**arguments)(flipped)).copy()[:, ::-1])


@pytest.mark.parametrize("dictionary", DICTIONARIES)
def test_missing_key(dictionary):
    with pytest.raises(KeyError, match="image"):
        dictionary("image")({"label": drawing()})
    assert dictionary("image", allow_missing_keys=True)({"case": "a"}) == {"case": "a"}


@pytest.mark.parametrize(("transform", "arguments", "words"), ILL_ARGUMENTS)
def test_ill_arguments(transform, arguments, words):
    with pytest.raises(ValueError, match=words):
        transform(**arguments)


@pytest.mark.parametrize("transform", [AreaThreshold(), ErosionMaskSmoothing(), RemoveSmallComponents()])
@pytest.mark.parametrize("grey", [0.5, float("nan")])
def test_probabilities_are_refused_by_the_name_of_their_file(transform, grey):
    image = MetaTensor(drawing() * grey, meta={"filename_or_obj": "scan/007.png"})
    with pytest.raises(ValueError, match=r"\[1, 9, 10\] of scan/007.png has.*AsDiscreted\(threshold=0.5\)"):
        transform(image)


@pytest.mark.parametrize("transform", [AreaThreshold(), ErosionMaskSmoothing()])
@pytest.mark.parametrize("shape", [(9,), (2, 9, 10)])
def test_one_channel_is_asked_for(transform, shape):
    with pytest.raises(ValueError, match="expected one channel first"):
        transform(torch.zeros(shape))
