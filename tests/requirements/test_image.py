"""Each requirement on an image that meets it, and on one that does not."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from monai_nlseg.bundle import find_bundle, input_requirements
from monai_nlseg.requirements import InputRequirements, colour_share, unlike_image

ADULT_T1 = input_requirements(find_bundle("brain_t1_nonlocal_unet_segmentation"))
CTA = input_requirements(find_bundle("intracranial_vessel_dnlnet_segmentation"))
IBSR = Path(__file__).parents[3] / "shared" / "data" / "ibsr18"


def brain(size: int = 80, radius: float = 0.42) -> np.ndarray:
    """A ball of 1,275 ml at 2.25 mm with a bright middle and a darker rim, 0 around it."""
    axes = np.meshgrid(*[np.arange(size) - (size - 1) / 2] * 3, indexing="ij")
    depth = radius * size - np.sqrt(sum(axis**2 for axis in axes))
    noise = np.random.default_rng(0).normal(0, 3, depth.shape)
    return np.where(depth > 0, np.where(depth > 5, 110, 70) + noise, 0).astype(np.float32)


BRAIN = brain()
SPACING = (2.0, 2.0, 2.0)
LARGE = InputRequirements(
    spacing_mm=(1.9, 2.1),
    smallest_extent_mm=100,
    zero_border=0.9,
    foreground_ml=(800, 2200),
    intensity="non-negative",
    brighter_inside=True,
)
NOISE = np.abs(np.random.default_rng(1).normal(0, 2, BRAIN.shape)).round().astype(np.float32)


@pytest.mark.parametrize(
    "image",
    [
        BRAIN,
        BRAIN[6:-6, 6:-6, 6:-6],
        np.pad(BRAIN, 9),
        BRAIN / BRAIN.max(),
        BRAIN.astype(np.int16),
        np.where(BRAIN != 0, (BRAIN - BRAIN[BRAIN != 0].mean()) / BRAIN[BRAIN != 0].std(), 0),
        BRAIN[::-1].transpose(2, 0, 1),
    ],
)
def test_a_brain_as_required(image):
    assert unlike_image(image[None], LARGE, SPACING) == []
    assert unlike_image(np.stack([image, 2 * image]), LARGE, SPACING) == []


@pytest.mark.parametrize(
    ("image", "spacing", "words"),
    [
        (
            np.where(BRAIN == 0, 5, BRAIN),
            SPACING,
            ["the background is not zero: 0 % of the outermost", "takes 4,096 ml, expected 800 to 2,200 ml"],
        ),
        (np.where(BRAIN == 0, NOISE, BRAIN), SPACING, ["the background is not zero", "expected at least 90 %"]),
        (BRAIN, (1.5, 2, 2), ["a voxel has 1.5 x 2 x 2 mm, expected 1.9 to 2.1 mm"]),
        (BRAIN[:, 30:], SPACING, ["the organ is cut off"]),
        (BRAIN[36:44], SPACING, ["what is not 0 is 16 mm long", "the organ is cut off"]),
        (np.pad(BRAIN[40:], ((40, 0), (0, 0), (0, 0))), SPACING, ["68 mm long along its shortest axis"]),
        (-BRAIN, SPACING, ["100 % of what is not 0 is negative", "the rim is brighter"]),
        (np.where(BRAIN > 0, 200 - BRAIN, 0), SPACING, ["the rim is brighter (median 130) than the core (90.1)"]),
        (np.where(BRAIN == 0, -1000, BRAIN), SPACING, ["the background is not zero", "is negative (down to -1,000)"]),
        (BRAIN, (2000.0, 2000.0, 2000.0), ["a voxel has 2,000 x 2,000 x 2,000 mm"]),
    ],
)
def test_a_brain_unlike_the_required_says_measured_and_expected(image, spacing, words):
    found = "; ".join(unlike_image(image[None], LARGE, spacing))
    assert all(word in found for word in words), found


def test_modalities_that_are_swapped_or_given_twice():
    """T2 has bright fluid at the rim."""
    t2 = np.where(BRAIN > 0, 200 - BRAIN, 0)
    assert unlike_image(np.stack([BRAIN, t2]), LARGE, SPACING) == []
    (swapped,) = unlike_image(np.stack([t2, BRAIN]), LARGE, SPACING)
    assert "the rim is brighter" in swapped and swapped.endswith("as the first of several modalities")
    (twice,) = unlike_image(np.stack([BRAIN, BRAIN]), LARGE, SPACING)
    assert twice.startswith("images 1 and 2 of the case are the same, expected one of each modality")


def test_a_head_with_its_skull_on_lies_on_zero():
    """Only its volume tells: the border is 0 and the middle may be brighter than the skin."""
    head = brain(size=100, radius=0.48)
    (sentence,) = unlike_image(head[None], LARGE, SPACING)
    assert sentence.startswith("what is not 0 takes 3,") and "remove the skull" in sentence


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_values_that_are_not_finite_are_counted_and_spoil_no_other_measure(wrong):
    broken = BRAIN.copy()
    broken[0, 0, :7] = wrong
    assert unlike_image(broken[None], LARGE, SPACING) == [
        "7 voxels are NaN or infinite, expected none: export the image again"
    ]


@pytest.mark.parametrize("image", [np.zeros((1, 8, 8)), np.full((1, 8, 8), 7.0), np.full((2, 4, 4, 4), np.nan)])
def test_an_image_of_one_value(image):
    assert "everywhere, expected contrast" in unlike_image(image, InputRequirements())[-1]


def test_without_spacing_nothing_is_measured_in_space():
    assert unlike_image(BRAIN[None], LARGE) == []
    with pytest.raises(ValueError, match=r"spacing \(1, 1\) is of 2 axes: expected 3, as the image"):
        unlike_image(BRAIN[None], LARGE, (1, 1))


def test_hounsfield_units():
    ct = np.full((1, 20, 40, 40), -1000.0)
    ct[:, :, 5:35, 5:35] = np.random.default_rng(0).normal(40, 30, (20, 30, 30))
    size = (2.0, 0.5, 0.5)
    wanted = InputRequirements(intensity="hounsfield")
    assert unlike_image(ct, wanted, size) == []
    for other in (ct + 1024, np.abs(ct), BRAIN[None]):
        (sentence,) = unlike_image(other, wanted, size if other is not BRAIN else SPACING)
        assert "expected Hounsfield units with air or fat below -100" in sentence


GREY = np.random.default_rng(0).integers(0, 256, (1, 200, 300)).astype(np.float32)


@pytest.mark.parametrize(
    ("image", "colour", "words"),
    [
        (GREY, 0.0, None),
        (GREY, None, None),
        (GREY, 0.6, "60 % of the pixels have a colour, expected at most 20 %: give a grey image"),
        (GREY[:, :32, :32], 0.0, "the image has 32 x 32 pixels, expected at least 128 along each axis"),
        (GREY / 255, 0.0, "grey values are 0 to 1, expected 0 to 255"),
        (GREY * 16, 0.0, "grey values are 0 to 4,080, expected 0 to 255"),
        (GREY / 25, 0.0, "the picture is nearly of one brightness"),
    ],
)
def test_pictures(image, colour, words):
    wanted = InputRequirements(intensity="0-255", smallest_side=128, colour_share=(0, 0.2))
    found = unlike_image(image, wanted, None, colour)
    assert found == [] if words is None else len(found) == 1 and words in found[0], found


def test_a_grey_image_for_a_colour_photograph():
    wanted = InputRequirements(colour_share=(0.2, 1))
    (sentence,) = unlike_image(GREY, wanted, None, 0.0)
    assert sentence == "0 % of the pixels have a colour, expected at least 20 %: give a colour image"
    assert unlike_image(GREY, wanted, None, 0.7) == []


def test_colours_are_counted_and_tints_are_not():
    grey = np.repeat(GREY[0, ..., None].astype(np.uint8), 3, axis=-1)
    assert colour_share(grey) == colour_share(grey[..., 0]) == 0
    sepia = (grey * np.array([1.0, 0.95, 0.87])).astype(np.uint8)
    assert colour_share(sepia) == 0
    grey[:50] = (200, 60, 10)
    assert colour_share(grey) == 0.25
    assert colour_share(np.zeros((0, 3, 3), np.uint8)) == 0


@pytest.mark.parametrize("name", ["sub-01_FLAIR.nii.gz", "a_T2w.nii", "brain-CT.nii.gz", "01.flair.nii"])
def test_a_name_that_says_another_modality(name):
    wanted = InputRequirements(modality=("T1", "T1w"))
    (sentence,) = unlike_image(BRAIN[None], wanted, name=name)
    assert "expected T1 or T1w" in sentence


@pytest.mark.parametrize(
    "name", ["", "IBSR_01.nii.gz", "sub-01_T1w.nii.gz", "PD_12.nii", "T1_reg_to_T2.nii", "actor.nii"]
)
def test_a_name_that_says_none_or_the_right_one(name):
    assert unlike_image(BRAIN[None], InputRequirements(modality=("T1", "T1w")), name=name) == []


@pytest.mark.skipif(not IBSR.is_dir(), reason="IBSR18 is not at ../shared/data/ibsr18")
@pytest.mark.parametrize("subject", ["IBSR_07", "IBSR_18"])
def test_scans_of_the_training_data(subject):
    """The smallest and the largest brain of the ten."""
    image = nibabel.load(IBSR / subject / f"{subject}.nii.gz")
    values, spacing = np.squeeze(np.asarray(image.dataobj))[None], image.header.get_zooms()[:3]
    assert unlike_image(values, ADULT_T1, spacing) == []
    assert unlike_image(np.where(values == 0, 5, values), ADULT_T1, spacing) != []
    assert unlike_image(values, ADULT_T1, (2.0, 2.0, 2.0)) != []
    assert unlike_image(values, CTA, spacing) != []
