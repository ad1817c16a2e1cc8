"""The recipes of docs/reference/training.md that MONAI's own transforms are enough for do what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import (
    AdjustContrastd,
    AsDiscreted,
    Compose,
    EnsureChannelFirstd,
    Flipd,
    Identityd,
    LoadImaged,
    OneOf,
    RandFlipd,
    RandGaussianNoised,
    RandScaleIntensityd,
    Resized,
    Rotate90d,
    ScaleIntensityRanged,
)
from PIL import Image

from monai_nlseg.transforms import CLAHEd, ErosionMaskSmoothingd

KEYS = ["image", "label"]


def diagonal_flip(probability):
    transpose = Compose([Rotate90d(KEYS, k=1), Flipd(KEYS, spatial_axis=0)])
    return Compose([OneOf([transpose, Identityd(KEYS)], weights=[probability, 1 - probability])])


@pytest.mark.parametrize("shape", [(2, 5, 5), (1, 4, 7)])
@pytest.mark.parametrize("lazy", [False, True])
def test_diagonal_flip(shape, lazy):
    image = torch.rand(shape)
    pipeline = diagonal_flip(0.5)
    pipeline.set_random_state(0)
    pipeline.lazy = lazy
    flipped = 0
    for _ in range(40):
        result = pipeline({key: MetaTensor(image.clone()) for key in KEYS})
        torch.testing.assert_close(result["image"], result["label"])
        flipped += torch.equal(result["image"].as_tensor(), image.transpose(1, 2))
        assert result["image"].shape in (image.shape, image.transpose(1, 2).shape)
        pipeline.lazy = False  # MONAI inverts eagerly, and says so
        restored = pipeline.inverse(result)
        pipeline.lazy = lazy
        torch.testing.assert_close(restored["image"].as_tensor(), image)
    assert 10 <= flipped <= 30


def test_vrdl_brightness():
    """Factor uniform in 0.9 to 1.1, clipped to [0, 1], in one image of ten."""
    pipeline = Compose(
        [
            RandScaleIntensityd("image", factors=0.1, prob=0.1),
            ScaleIntensityRanged("image", a_min=0, a_max=1, b_min=0, b_max=1, clip=True),
        ]
    )
    pipeline.set_random_state(0)
    image = torch.linspace(0, 1, 64).reshape(1, 8, 8)
    results = [pipeline({"image": image})["image"].as_tensor() for _ in range(2000)]
    factors = np.array([(result[0, 0, 1] / image[0, 0, 1]).item() for result in results])
    changed = np.abs(factors - 1) > 1e-6
    assert 150 < changed.sum() < 250
    assert factors.min() == pytest.approx(0.9, abs=0.005)
    assert factors.max() == pytest.approx(1.1, abs=0.005)
    for factor, result in zip(factors, results):
        torch.testing.assert_close(result, (image * factor).clamp(0, 1).float(), atol=1e-5, rtol=0)


def test_vrdl_noise():
    """Sigma is 0.01, not drawn from 0 to 0.01, and nothing is clipped."""
    noise = RandGaussianNoised("image", prob=0.1, mean=0, std=0.01, sample_std=False)
    noise.set_random_state(0)
    image = torch.zeros(1, 64, 64)
    results = [noise({"image": image})["image"] for _ in range(500)]
    changed = [result for result in results if result.any()]
    assert 30 < len(changed) < 75
    for result in changed:
        assert result.std().item() == pytest.approx(0.01, rel=0.06)
        assert result.min() < 0


def test_vrdl_flips():
    image = torch.rand(1, 4, 6)
    left_right = RandFlipd("image", prob=1, spatial_axis=1)({"image": image})["image"]
    torch.testing.assert_close(left_right.as_tensor(), image.flip(2))
    up_down = RandFlipd("image", prob=1, spatial_axis=0)({"image": image})["image"]
    torch.testing.assert_close(up_down.as_tensor(), image.flip(1))


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_vrdl_mask_for_erosion_smoothing(mode):
    mask = torch.zeros(1, 21, 29)
    mask[:, 5:15, 5:20] = 1
    steps = [Resized("label", spatial_size=(448, 576), mode=mode), ErosionMaskSmoothingd("label")]
    if mode == "bilinear":
        with pytest.raises(RuntimeError, match="ErosionMaskSmoothing"):
            Compose(steps)({"label": mask})
        steps.insert(1, AsDiscreted("label", threshold=0.5))
    soft = Compose(steps)({"label": mask})["label"]
    assert soft.shape == (1, 448, 576)
    torch.testing.assert_close(soft.unique().as_tensor(), torch.tensor([0, 243 / 255, 1]))


def test_vrdl_hard_labels():
    """After a bilinear resize only the pixels at full value are nerve."""
    mask = torch.zeros(1, 21, 29)
    mask[:, 5:15, 5:20] = 255
    resized = Resized("label", spatial_size=(448, 576), mode="bilinear")({"label": mask})["label"]
    hard = AsDiscreted("label", threshold=254.5)({"label": resized})["label"]
    assert hard.unique().tolist() == [0, 1]
    assert 0 < hard.sum() < ((resized > 0).sum())
    assert hard[0, 150:250, 150:350].all()


@pytest.fixture
def fundus(tmp_path):
    """A colour image of 20 rows and 30 columns, TIFF as in DRIVE, and its pixels (H, W, 3)."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "21_training.tif")
    return tmp_path / "21_training.tif", pixels


@pytest.mark.parametrize(
    ("channel", "expected"),
    [("grey", lambda pixels: pixels @ np.array([0.299, 0.587, 0.114])), ("green", lambda pixels: pixels[..., 1])],
)
def test_grey_of_a_colour_image(fundus, channel, expected):
    file, pixels = fundus
    load = LoadImaged("image", reader="monai_nlseg.data.PictureReader", channel=channel)
    image = EnsureChannelFirstd("image")(load({"image": file}))["image"]
    assert image.shape == (1, 20, 30)
    np.testing.assert_allclose(image[0].numpy(), expected(pixels), atol=0.51)


def test_gamma_after_clahe():
    """The range is 0 to 1 after CLAHE, so MONAI's gamma by minimum and maximum is the plain power."""
    image = {"image": torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(0))}
    equalised = CLAHEd("image", clip_limit=2 / 256)(image)
    brighter = AdjustContrastd("image", gamma=1 / 1.2)(equalised)["image"]
    torch.testing.assert_close(brighter.as_tensor(), equalised["image"] ** (1 / 1.2), atol=1e-6, rtol=0)
    assert brighter.mean() > equalised["image"].mean()
