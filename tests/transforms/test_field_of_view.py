from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from PIL import Image

from monai_nlseg.transforms import FieldOfView, FieldOfViewd, field_of_view
from tests.data.images import SHARED

REAL = SHARED / "chasedb1"
ROWS, COLUMNS = np.ogrid[:96, :80]
DISC = (ROWS - 48) ** 2 + (COLUMNS - 40) ** 2 <= 35**2


def _photograph(seed=0):
    """A lit disc with dark vessels and a dim rim; specks and a date stamp outside it."""
    rng = np.random.default_rng(seed)
    image = np.where(DISC, [[[120.0]], [[60]], [[20]]], 0)
    image[:, 20:76, 30:32] = 0
    image[:, (ROWS - 48) ** 2 + (COLUMNS - 40) ** 2 > 30**2] *= 0.2
    image[:, rng.integers(0, 8, 4), rng.integers(0, 80, 4)] = 255
    image[:, 90:95, 2:12] = 200
    return image


def test_disc_with_holes_specks_and_stamp():
    region = field_of_view(_photograph())
    assert region.dtype == bool
    assert (region != DISC).sum() < 30  # what the opening rounds off
    assert region[48, 31] and not region[92, 6]


@pytest.mark.parametrize("factor", [1 / 255, 1, 257])
def test_scale_does_not_matter(factor):
    np.testing.assert_array_equal(field_of_view(_photograph() * factor), field_of_view(_photograph()))


def test_grey_photograph():
    grey = np.tensordot([0.299, 0.587, 0.114], _photograph(), axes=1)[None]
    np.testing.assert_array_equal(field_of_view(grey), field_of_view(_photograph()))


def test_region_cut_straight_as_by_some_cameras():
    cut = DISC & (ROWS >= 25) & (ROWS <= 70)
    assert (field_of_view(np.where(cut, 90.0, 0)[None]) != cut).sum() < 30


@pytest.mark.parametrize(
    ("image", "threshold", "words"),
    [
        (np.ones((4, 8, 8)), 0.04, r"shape \(4, 8, 8\): expected \(3, H, W\)"),
        (np.ones((8, 8)), 0.04, r"shape \(8, 8\)"),
        (_photograph() - 5, 0.04, "negative or infinite values: derive the field of view before any normalisation"),
        (np.full((1, 8, 8), np.nan), 0.04, "negative or infinite"),
        (np.zeros((1, 8, 8)), 0.04, "holds no lit region"),
        (_photograph(), 1.0, "threshold is 1.0"),
        (np.where((ROWS < 20) | (COLUMNS < 20), 90.0, 0)[None], 0.04, "of its convex hull, expected at least 0.97"),
    ],
)
def test_refusals(image, threshold, words):
    with pytest.raises(ValueError, match=words):
        field_of_view(image, threshold)


def test_a_refusal_just_below_the_limit_does_not_read_as_the_limit():
    """A square whose notch grows until it is refused."""
    region = np.zeros((1, 96, 80))
    region[0, 8:88, 8:72] = 80
    with pytest.raises(ValueError, match="of its convex hull, expected at least 0.97") as error:
        for column in range(8, 50):
            region[0, 8:28, 8:column] = 0
            field_of_view(region)
    filled = float(str(error.value).partition("fills ")[2].partition(" of")[0])
    assert 0.96 < filled < 0.97


def test_refusals_name_the_file():
    dark = MetaTensor(torch.zeros(3, 8, 8), meta={"filename_or_obj": "eyes/21.tif"})
    with pytest.raises(ValueError, match=r"\[3, 8, 8\] of eyes/21.tif: image holds no lit region"):
        FieldOfViewd("image")({"image": dark})


@pytest.mark.parametrize("kind", [np.ndarray, torch.Tensor, MetaTensor])
def test_array_and_dictionary_form(kind):
    image = torch.from_numpy(_photograph()).float()
    image = image.numpy() if kind is np.ndarray else MetaTensor(image) if kind is MetaTensor else image
    alone = FieldOfView()(image)
    data = FieldOfViewd("image")({"image": image})
    assert type(alone) is type(data["fov"]) is kind and data["image"] is image
    for region in (alone, data["fov"]):
        assert region.shape == (1, 96, 80) and torch.as_tensor(region).dtype == torch.float32
        np.testing.assert_array_equal(np.asarray(region)[0] > 0, field_of_view(_photograph()))


def test_names():
    data = {"left": torch.from_numpy(_photograph(1)), "right": torch.from_numpy(_photograph(2))}
    data = FieldOfViewd(("left", "right"), ("left_fov", "right_fov"))(data)
    assert set(data) == {"left", "right", "left_fov", "right_fov"}
    for names in ("fov", ("fov", "fov")):
        with pytest.raises(ValueError, match="expected one for each of the keys"):
            FieldOfViewd(("left", "right"), names)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"CHASE_DB1 is not at {REAL}")
def test_real_photographs():
    """Each is one disc: it fills its bounding box as a disc does, and hardly any vessel is drawn outside."""
    paths = sorted(REAL.glob("*.jpg"))
    assert len(paths) == 20
    for path in paths:
        region = field_of_view(np.moveaxis(np.asarray(Image.open(path)), -1, 0))
        rows, columns = (np.flatnonzero(region.any(axis=axis)) for axis in (1, 0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert abs(height - width) <= 3
        assert region.sum() / (np.pi / 4 * height * width) == pytest.approx(1, abs=0.005)
        assert 0.65 < region.mean() < 0.70
        for observer in ("1stHO", "2ndHO"):
            drawn = np.asarray(Image.open(path.with_name(f"{path.stem}_{observer}.png")))
            assert (drawn & ~region).sum() < 0.01 * drawn.sum()
