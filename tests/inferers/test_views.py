from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from monai.inferers import SimpleInferer

from monai_nlseg.inferers import View, combine_views, flip_views, rotation_views, square_views
from monai_nlseg.inferers.views import predict_views

IMAGE = torch.arange(2 * 1 * 3 * 4, dtype=torch.float32).reshape(2, 1, 3, 4)


def test_flips_in_the_order_of_the_report():
    seen = [view.apply(IMAGE) for view in flip_views([1, 0])]
    for image, expected in zip(seen, (IMAGE, IMAGE.flip(3), IMAGE.flip(2), IMAGE.flip(2, 3)), strict=True):
        assert torch.equal(image, expected)


@pytest.mark.parametrize(
    ("views", "count"),
    [
        (flip_views([]), 1),
        (flip_views([0, 1, 2]), 8),
        (rotation_views(), 4),
        (rotation_views((2, 0)), 4),
        (combine_views(rotation_views((0, 1)), flip_views([0])), 8),
        *((square_views(count), count) for count in (1, 2, 4, 8)),
    ],
)
def test_views_differ_and_come_back(views, count):
    image = torch.arange(4 * 4 * 4, dtype=torch.float32).reshape(1, 1, 4, 4, 4)
    seen = [view.apply(image) for view in views]
    assert len(seen) == count == len({tuple(each.flatten().tolist()) for each in seen})
    for view, each in zip(views, seen):
        assert torch.equal(view.invert(each), image)


def test_rotations_of_an_image_that_is_not_square():
    view = rotation_views()[1]
    assert view.apply(IMAGE).shape == (2, 1, 4, 3)
    assert torch.equal(view.invert(view.apply(IMAGE)), IMAGE)


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_views_of_a_square_are_flips_and_then_diagonal_ones(count):
    flips = [view.apply(IMAGE) for view in flip_views([1, 0])]
    every = [*flips, *(flip.mT for flip in flips)]
    for view, expected in zip(square_views(count), every[:count], strict=True):
        assert torch.equal(view.apply(IMAGE), expected)


@pytest.mark.parametrize("count", [0, 3, 16, "all", [0, 1]])
def test_views_of_a_square_are_counted(count):
    with pytest.raises(ValueError, match=r"views are unknown: choose 1 \(the image\)"):
        square_views(count)


@pytest.mark.parametrize("make", [lambda: flip_views([0, 0]), lambda: flip_views([-1]), lambda: rotation_views((1, 1))])
def test_ill_axes(make):
    with pytest.raises(ValueError, match="negative or repeated: count from 0"):
        make()


def test_a_view_that_does_not_come_back_is_refused():
    """Even where it is the only one, so that all predictions are alike."""
    crop = View("crop", lambda image: image[..., :2], lambda prediction: prediction)
    with pytest.raises(ValueError, match=r"gives \[2, 1, 3, 2\] for view 'crop'"):
        list(predict_views(IMAGE, lambda x: x, [crop], SimpleInferer()))


@pytest.mark.parametrize("views", [flip_views([2]), rotation_views((0, 2))])
def test_axes_that_are_not_there(views):
    with pytest.raises(ValueError, match=r"spatial axes \(.*2,?\), an image of \[2, 1, 3, 4\] only 2: count from 0"):
        list(predict_views(IMAGE, lambda x: x, views, SimpleInferer()))


def test_a_rotation_needs_a_plane():
    with pytest.raises(ValueError, match="has 3 axes: give the two"):
        rotation_views((0, 1, 2))


def test_networks_come_one_after_the_other():
    views = [View("x2", lambda image: image * 2, lambda out: out), *flip_views([0])]
    networks = [lambda image: image, lambda image: image + 100]
    found = list(predict_views(MetaTensor(IMAGE), networks, views, SimpleInferer()))
    for prediction, expected in zip(found, (2 * IMAGE, IMAGE, IMAGE, 2 * IMAGE + 100, IMAGE + 100, IMAGE + 100)):
        assert torch.equal(prediction, expected) and type(prediction) is torch.Tensor
    assert len(found) == 6


@pytest.mark.parametrize(
    ("inputs", "network", "message"),
    [
        (torch.rand(2, 3), lambda x: x, r"input has shape \[2, 3\]: expected"),
        (torch.rand(0, 1, 4), lambda x: x, "none of them empty"),
        (IMAGE, [], "the sequence of networks is empty"),
        (IMAGE, lambda x: (x, x), "network 0 returned a tuple: wrap it"),
        (IMAGE, [lambda x: x, lambda x: x / 0], "network 1 returned NaN or infinite values for view 'identity'"),
        (IMAGE, [lambda x: x, lambda x: x[:, :, :2]], r"gives \[2, 1, 2, 4\] for view 'identity', the first gave"),
        (IMAGE, lambda x: x.mean((2, 3)), r"gives \[2, 1\]"),
        (IMAGE, lambda x: x[..., ::2, ::2], r"gives \[2, 1, 2, 2\] .* expected \(batch, classes, spatial axes of"),
    ],
)
def test_what_is_refused(inputs, network, message):
    with pytest.raises(ValueError, match=message) as error:
        list(predict_views(inputs, network, flip_views([]), SimpleInferer()))
    assert "\n" not in str(error.value)
