from __future__ import annotations

import math

import pytest
import torch
from monai.data import MetaTensor

from monai_nlseg.inferers import (
    StepWindowInferer,
    TestTimeAugmentationInferer,
    combine_views,
    flip_views,
    rotation_views,
)


def network_of(spatial_dims: int, classes: int) -> torch.nn.Module:
    torch.manual_seed(0)
    return (torch.nn.Conv2d, torch.nn.Conv3d)[spatial_dims - 2](2, classes, 3, padding=1)


@pytest.mark.parametrize("shape", [(2, 2, 12, 17), (1, 2, 8, 6, 7)])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid", None])
def test_mean_and_deviation_of_all_flips(shape, activation):
    network, image = network_of(len(shape) - 2, 3), torch.rand(shape)
    inferer = TestTimeAugmentationInferer(activation=activation)
    mean, std = inferer.mean_and_std(image, network)
    activate = {"softmax": lambda x: x.softmax(1), "sigmoid": torch.sigmoid, None: lambda x: x}[activation]
    with torch.no_grad():
        views = flip_views(range(len(shape) - 2))
        every = torch.stack([activate(view.invert(network(view.apply(image)))) for view in views])
    torch.testing.assert_close(mean, every.mean(0), rtol=0, atol=1e-6)
    torch.testing.assert_close(std, every.std(0, correction=0), rtol=0, atol=1e-6)
    assert torch.equal(inferer(image, network), mean) and not mean.requires_grad


def test_views_of_other_sizes_go_through_windows_without_a_size():
    inner = StepWindowInferer((4, -1), 4, activation=None, foreground_only=False)
    image = torch.rand(1, 2, 8, 12)
    mean = TestTimeAugmentationInferer(rotation_views(), activation=None, inferer=inner)(image, lambda x: x * 2)
    torch.testing.assert_close(mean, image * 2)


def test_all_symmetries_of_a_square_make_the_mean_symmetric():
    inferer = TestTimeAugmentationInferer(combine_views(rotation_views(), flip_views([0])))
    network, image = network_of(2, 2), torch.rand(1, 2, 9, 9)
    turned = inferer(image.rot90(1, (2, 3)).flip(3), network)
    torch.testing.assert_close(turned, inferer(image, network).rot90(1, (2, 3)).flip(3))


def test_what_is_sure_does_not_deviate():
    mean, std = TestTimeAugmentationInferer(rotation_views(), None).mean_and_std(torch.rand(1, 1, 5, 8), lambda x: x)
    assert mean.shape == (1, 1, 5, 8) and not std.any()
    _, std = TestTimeAugmentationInferer(flip_views([])).mean_and_std(torch.rand(1, 2, 5, 8), lambda x: x)
    assert not std.any()


def test_deviation_behind_the_mean():
    image, network = MetaTensor(torch.rand(2, 2, 6, 9)), network_of(2, 3)
    inferer = TestTimeAugmentationInferer(deviation=True)
    both = inferer(image, network)
    assert isinstance(both, MetaTensor) and both.shape == (2, 6, 6, 9)
    for part, expected in zip(both.split(3, dim=1), inferer.mean_and_std(image, network)):
        assert torch.equal(part, expected)


def test_several_networks():
    image = torch.zeros(1, 1, 4, 4)
    mean, std = TestTimeAugmentationInferer(activation=None).mean_and_std(image, [lambda x: x, lambda x: x + 4])
    for value in (mean, std):
        torch.testing.assert_close(value, torch.full_like(image, 2))


def test_inner_inferer_and_meta_data():
    image = MetaTensor(torch.rand(1, 2, 20, 16) + 0.1, affine=torch.diag(torch.tensor([2.0, 3.0, 1.0, 1.0])))
    network = network_of(2, 2)
    inferer = TestTimeAugmentationInferer(activation=None, inferer=StepWindowInferer(8, 4))
    mean, std = inferer.mean_and_std(image, network)
    torch.testing.assert_close(mean.as_tensor().sum(1), torch.ones(1, 20, 16))
    assert torch.equal(mean.affine, image.affine) and torch.equal(std.affine, image.affine)


@pytest.mark.parametrize(
    ("kwargs", "message"), [({"views": []}, "views is empty"), ({"activation": "relu"}, "activation 'relu' is unknown")]
)
def test_ill_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        TestTimeAugmentationInferer(**kwargs)


def test_one_channel_has_no_softmax():
    with pytest.raises(ValueError, match="the softmax of one channel is 1 everywhere"):
        TestTimeAugmentationInferer()(torch.rand(1, 1, 4, 4), lambda x: x)


def test_nan():
    with pytest.raises(ValueError, match="network 0 returned NaN"):
        TestTimeAugmentationInferer(activation=None)(torch.rand(1, 1, 4, 4), lambda x: x * math.nan)
