from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import EnsureChannelFirst, LoadImage
from scipy.ndimage import binary_fill_holes
from skimage.draw import ellipse, ellipse_perimeter
from skimage.morphology import convex_hull_image
from skimage.transform import rescale

from monai_nlseg.transforms import FillContour

HC18 = Path(__file__).resolve().parents[3] / "shared" / "data" / "hc18" / "training_set"


def outline(row, column, rows, columns, shape=(60, 80)):
    image = np.zeros((1, *shape), np.uint8)
    image[0][ellipse_perimeter(row, column, rows, columns, shape=shape)] = 255
    return image


def test_golden_square():
    contour = torch.zeros(1, 8, 8)
    contour[:, 2:7, 2:7] = 255
    contour[:, 3:6, 3:6] = 0
    mask = FillContour()(contour)
    assert mask.unique().tolist() == [0, 1]
    assert mask.sum() == 25
    assert mask[:, 2:7, 2:7].all()


@settings(max_examples=40, deadline=None)
@given(st.integers(25, 35), st.integers(30, 50), st.integers(4, 20), st.integers(4, 25))
def test_closed_contours_are_filled_as_holes(row, column, rows, columns):
    contour = outline(row, column, rows, columns)
    np.testing.assert_array_equal(FillContour()(contour)[0], binary_fill_holes(contour[0]))


@pytest.mark.parametrize("row", [12, 47])
@pytest.mark.parametrize("column", [40, 10, 70])
def test_contour_cut_by_the_border(row, column):
    """The two ends lie on one side, or on two sides around a corner."""
    contour = outline(row, column, 20, 18)
    assert binary_fill_holes(contour[0]).sum() == np.count_nonzero(contour)
    inside = np.zeros((60, 80), bool)
    inside[ellipse(row, column, 20, 18, shape=inside.shape)] = True
    np.testing.assert_array_equal(FillContour()(contour)[0], inside | (contour[0] > 0))


def test_contour_along_the_whole_border():
    contour = torch.ones(1, 6, 7)
    contour[:, 1:-1, 1:-1] = 0
    assert FillContour()(contour).all()


def test_two_contours():
    contour = outline(20, 20, 8, 8) | outline(40, 60, 10, 6)
    assert (
        FillContour()(contour).sum()
        == FillContour()(outline(20, 20, 8, 8)).sum() + FillContour()(outline(40, 60, 10, 6)).sum()
    )


def test_faint_line_of_a_smaller_image():
    grey = rescale(outline(30, 40, 20, 25)[0] / 255, 0.5, anti_aliasing=True)[None]
    grey[grey < 1e-3] = 0
    inside = np.zeros((30, 40), bool)
    inside[ellipse(15, 20, 10, 12.5, shape=inside.shape)] = True
    mask = FillContour()(grey)[0] > 0
    assert not (inside & ~mask).any()
    assert mask.sum() < 1.4 * inside.sum()  # the smoothed line is about 3 pixels wide
    with pytest.raises(ValueError, match="lower the threshold"):
        FillContour(threshold=grey.max() * 0.95)(grey)


def test_no_line_is_an_empty_mask():
    assert not FillContour()(torch.zeros(1, 9, 9)).any()


def test_open_contour_names_its_file():
    contour = outline(30, 40, 20, 25)
    contour[0, 28:33, :30] = 0
    with pytest.raises(ValueError, match=r"contour \[1, 60, 80\] of 007_Annotation.png encloses nothing"):
        FillContour()(MetaTensor(contour, meta={"filename_or_obj": "007_Annotation.png"}))
    contour[0, :30] = 0  # one arc with both ends inside the image
    with pytest.raises(ValueError, match="encloses nothing"):
        FillContour()(contour)


@pytest.mark.parametrize("mask", [torch.ones(1, 5, 5), FillContour()(torch.from_numpy(outline(30, 40, 20, 25)))])
def test_filled_masks_are_refused(mask):
    with pytest.raises(ValueError, match="leave this transform out for a filled mask"):
        FillContour()(mask)


@pytest.mark.parametrize("shape", [(3, 9, 9), (9, 9), (1, 9, 9, 9)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"expected \(1, H, W\)"):
        FillContour()(torch.zeros(shape))


@pytest.mark.skipif(not HC18.is_dir(), reason="needs the HC18 images beside the checkout, in shared/data/hc18")
@pytest.mark.parametrize(
    ("name", "fraction"),
    [
        ("000_HC", 0.07765740740740741),
        ("628_2HC", 0.44633333333333336),  # from here on cut by the top or the bottom border
        ("186_HC", 0.46119444444444446),
        ("346_HC", 0.482962962962963),
        ("787_HC", 0.4663148148148148),
    ],
)
def test_real_heads_are_filled_ellipses(name, fraction):
    contour = EnsureChannelFirst()(LoadImage(image_only=True)(HC18 / f"{name}_Annotation.png"))
    mask = FillContour()(contour)[0].numpy()
    assert mask.mean() == pytest.approx(fraction, abs=1e-6)
    hull = convex_hull_image(contour[0].numpy() > 0)
    assert 2 * (hull & (mask > 0)).sum() / (hull.sum() + mask.sum()) > 0.99
