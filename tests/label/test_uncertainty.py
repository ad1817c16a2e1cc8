from __future__ import annotations

import weakref
from types import SimpleNamespace

import pytest
import torch
import torch.nn as nn
from hypothesis import given
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.inferers import SimpleInferer, SlidingWindowInferer
from monai.transforms import AsDiscreted

from monai_nlseg.bundle import LabelNames
from monai_nlseg.bundle.runtime.item import Item
from monai_nlseg.bundle.runtime.labelling import Labelling
from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.inferers import (
    AdaptiveSingleModelEnsemble,
    StepSliceInferer,
    StepWindowInferer,
    TestTimeAugmentationInferer,
    flip_views,
)
from monai_nlseg.label.uncertainty import (
    disagreement,
    dropout_active,
    dropout_uncertainty,
    has_dropout,
    mean_around_foreground,
    mutual_information,
    view_disagreement,
)
from tests.cohort.bundles import picture_bundle, save_picture, save_volume, tumour_bundle, unet_bundle

CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}
NORMS = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def bundle_model(network, inferer=None, argmax=True):
    """A model as of a bundle, without its files."""
    model = Model.__new__(Model)
    model.network, model.device = network.eval(), torch.device("cpu")
    model.evaluator = SimpleNamespace(inferer=inferer or SimpleInferer(), amp=False, amp_kwargs={})
    model.finish = Labelling([AsDiscreted("pred", argmax=argmax, threshold=None if argmax else 0.5)], LabelNames({}))
    return model


def item(values, affine=None):
    image = MetaTensor(values, affine=torch.eye(4) if affine is None else affine)
    return Item(image, {"image": image}, picture=image.dim() == 3, columns_first=False)


def dropout_network(axes, classes=1, rate=0.5, copies=16):
    """One logit, 8 (x - 0.5), or (0, that, ...); half of the copies of x that it is the mean of are dropped."""
    lift, merge = CONVOLUTIONS[axes](1, copies, 1, bias=False), CONVOLUTIONS[axes](copies, classes, 1)
    with torch.no_grad():
        lift.weight.fill_(1)
        merge.weight.fill_(8 / copies)
        merge.bias.fill_(-4)
        if classes > 1:
            merge.weight[0] = 0
            merge.bias[0] = 0
    return nn.Sequential(lift, NORMS[axes](copies), nn.Dropout(rate), merge)


def square(axes, value=1.0, size=24):
    values = torch.zeros(1, *[size] * axes)
    values[(0, *[slice(6, 14)] * axes)] = value
    return values


class Ramp(nn.Module):
    """A logit that also depends on where a voxel is along one axis, so that flips along it disagree."""

    def __init__(self, axis, classes=1):
        super().__init__()
        self.axis, self.classes = axis, classes

    def forward(self, x):
        length = x.shape[self.axis + 2]
        ramp = torch.linspace(-2, 2, length).reshape([-1 if axis == self.axis + 2 else 1 for axis in range(x.dim())])
        logit = 3 * (x[:, :1] - 0.5) + ramp
        return logit if self.classes == 1 else torch.cat([torch.zeros_like(logit), logit], dim=1)


# --- what is computed of probabilities and label maps


def probabilities(seed, passes, classes, exclusive):
    values = 6 * torch.randn(passes, classes, 5, 4, generator=torch.Generator().manual_seed(seed))
    return values.softmax(1) if exclusive else values.sigmoid()


@given(st.integers(0, 999), st.integers(1, 6), st.integers(2, 5), st.booleans())
def test_mutual_information_is_within_0_and_1_and_passes_may_change_places(seed, passes, classes, exclusive):
    chances = probabilities(seed, passes, classes, exclusive)
    information, mean = mutual_information(chances, exclusive)
    assert information.shape == (5, 4) and information.min() >= 0 and information.max() <= 1
    torch.testing.assert_close(mean, chances.mean(0))
    torch.testing.assert_close(mutual_information(chances.flip(0), exclusive)[0], information, atol=1e-5, rtol=0)
    if passes > 1:
        assert information.max() > 0


@pytest.mark.parametrize("exclusive", [True, False])
def test_passes_that_agree_tell_nothing_however_uncertain_they_are(exclusive):
    chances = torch.full((2, 3, 3), 0.5)
    assert mutual_information([chances] * 4, exclusive)[0].max() == 0


def test_certain_passes_that_contradict_each_other_tell_all():
    certain = torch.tensor([1.0, 0.0])[:, None, None]
    information, _ = mutual_information([certain, certain.flip(0)], exclusive=True)
    torch.testing.assert_close(information, torch.ones(1, 1))
    information, _ = mutual_information([certain[:1], certain[1:]], exclusive=False)
    torch.testing.assert_close(information, torch.ones(1, 1))


def test_passes_are_summed_and_not_kept():
    alive = weakref.WeakSet()

    def passes():
        for seed in range(6):
            chances = torch.rand(1, 9, generator=torch.Generator().manual_seed(seed))
            alive.add(chances)
            yield chances
            assert len(alive) == 1
            del chances

    mutual_information(passes(), exclusive=False)


def test_mean_is_over_the_foreground_and_two_voxels_around():
    chances, values = torch.zeros(1, 20, 20), torch.zeros(20, 20)
    chances[0, 8:10, 8:10] = 0.9
    values[6:12, 6:12] = 0.25
    assert mean_around_foreground(values, chances, exclusive=False) == 0.25
    several = torch.cat([1 - chances, chances])
    assert mean_around_foreground(values, several, exclusive=True) == 0.25


def test_where_nothing_is_found_the_place_where_it_nearly_was_counts():
    chances, values = torch.full((1, 30, 30), 0.001), torch.zeros(30, 30)
    assert mean_around_foreground(values, chances, exclusive=False) == 0
    chances[0, 10:15, 10:15] = 0.4
    values[8:17, 8:17] = 0.5
    assert mean_around_foreground(values, chances, exclusive=False) == 0.5


@given(st.integers(0, 999), st.integers(2, 4), st.integers(2, 4), st.integers(1, 2))
def test_disagreement_is_within_0_and_1_in_any_order(seed, count, classes, masks):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randint(0, classes, (count, masks, 3, 3), generator=generator)
    found = disagreement(maps, classes)
    assert 0 <= found <= 1
    assert disagreement(maps.flip(0), classes) == pytest.approx(found, abs=1e-9)
    assert disagreement(maps[:1].expand(3, -1, -1, -1), classes) == 0


def test_disagreement_of_known_maps():
    nothing, one, two = torch.tensor([[0, 0]]), torch.tensor([[1, 0]]), torch.tensor([[1, 1]])
    assert disagreement(torch.stack([nothing, nothing])) == 0
    assert disagreement(torch.stack([nothing, one])) == pytest.approx(1, abs=1e-4)
    assert disagreement(torch.stack([one, two])) == pytest.approx(1 / 3, abs=1e-4)
    assert disagreement(torch.stack([one, two, two])) == pytest.approx(2 / 9, abs=1e-4)
    both = torch.stack([torch.cat([one, two]), torch.cat([two, two])])  # two masks, agreed on the second
    assert disagreement(both) == pytest.approx(1 / 6, abs=1e-4)
    with pytest.raises(ValueError, match="1 prediction cannot disagree"):
        disagreement(one[None])


# --- dropout


@pytest.mark.parametrize(
    ("layer", "acts"),
    [(nn.Dropout(0.1), True), (nn.Dropout3d(0.2), True), (nn.AlphaDropout(0.2), True)]
    + [(nn.Dropout(0.0), False), (nn.BatchNorm2d(3), False)],
)
def test_dropout_is_a_layer_of_a_rate_above_0(layer, acts):
    assert has_dropout(nn.Sequential(nn.Conv2d(1, 1, 1), nn.Sequential(layer))) == acts


def test_only_dropout_is_in_training_mode_and_all_modes_come_back():
    network = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(0.5), nn.Sequential(nn.Dropout2d(0.5), nn.ReLU())).eval()
    network[0].train()
    before = [module.training for module in network.modules()]
    with dropout_active(network):
        inside = {type(module).__name__ for module in network.modules() if module.training}
    assert inside == {"Dropout", "Dropout2d"}
    assert [module.training for module in network.modules()] == before
    with pytest.raises(RuntimeError, match="stop"), dropout_active(network):
        raise RuntimeError("stop")
    assert [module.training for module in network.modules()] == before


SLICES = StepSliceInferer(16, 8, activation="sigmoid", foreground_only=False)
FLIPS = TestTimeAugmentationInferer(flip_views((1,)), activation="sigmoid")
MAKES = [
    pytest.param(2, 2, 1, SimpleInferer(), id="2d-simple"),
    pytest.param(3, 3, 3, SimpleInferer(), id="3d-simple-classes"),
    pytest.param(3, 3, 1, SlidingWindowInferer((16, 16, 16), overlap=0.25), id="3d-sliding"),
    pytest.param(3, 3, 3, StepWindowInferer(16, 8), id="3d-windows-classes"),
    pytest.param(2, 2, 1, StepWindowInferer(16, 8, activation="sigmoid", foreground_only=False), id="2d-windows"),
    pytest.param(2, 3, 1, SLICES, id="slices"),
    pytest.param(2, 2, 1, FLIPS, id="flips"),
    pytest.param(2, 2, 2, AdaptiveSingleModelEnsemble(empty_area=None), id="ensemble"),
]


@pytest.mark.parametrize(("axes", "image_axes", "classes", "inferer"), MAKES)
def test_dropout_score_is_higher_for_what_is_ambiguous_and_0_without_noise(axes, image_axes, classes, inferer):
    model = bundle_model(dropout_network(axes, classes), inferer, argmax=classes > 1)
    clear = dropout_uncertainty(model, item(square(image_axes)))
    ambiguous = dropout_uncertainty(model, item(square(image_axes, 0.5)))
    assert 0 < clear < ambiguous <= 1
    faint = square(image_axes, 1e-9)  # what is dropped makes no difference
    assert dropout_uncertainty(model, item(faint)) == pytest.approx(0, abs=1e-5)


def test_dropout_score_is_seeded_and_changes_nothing():
    network = dropout_network(2)
    model, image = bundle_model(network), item(square(2, 0.6))
    state = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = dropout_uncertainty(model, image)
    torch.testing.assert_close(torch.rand(3), expected)
    assert dropout_uncertainty(model, image) == first
    assert dropout_uncertainty(model, image, seed=1) != first
    assert dropout_uncertainty(model, image, samples=9) != first
    assert not any(module.training for module in network.modules())
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, state[name], rtol=0, atol=0)


def test_windows_of_zeros_are_drawn_anew_and_labels_are_no_obstacle():
    windows = StepWindowInferer(8, 8, output="labels", foreground_only=False)
    network = dropout_network(2, classes=2)
    network[0].bias = nn.Parameter(torch.full((16,), 0.5))  # so that zeros are ambiguous, too
    averages = StepWindowInferer(8, 8, foreground_only=False, reuse_empty=False)
    image = item(square(2))
    found = dropout_uncertainty(bundle_model(network, windows, argmax=False), image)
    assert found == dropout_uncertainty(bundle_model(network, averages), image) > 0
    assert windows.output == "labels" and windows.reuse_empty


class Faulty(nn.Module):
    def forward(self, x):
        return x * float("nan")


@pytest.mark.parametrize(
    ("network", "samples", "match"),
    [
        (nn.Conv2d(1, 1, 1), 5, "no dropout above 0"),
        (dropout_network(2), 1, "1 passes cannot contradict"),
        (nn.Sequential(nn.Dropout(0.5), Faulty()), 2, "NaN or infinite"),
    ],
)
def test_dropout_score_refuses(network, samples, match):
    with pytest.raises(ValueError, match=match):
        dropout_uncertainty(bundle_model(network, argmax=False), item(square(2)), samples)
    assert not any(module.training for module in network.modules())


# --- views


@pytest.mark.parametrize(("axes", "image_axes", "classes", "inferer"), MAKES)
def test_views_of_a_network_that_sees_no_sides_agree(axes, image_axes, classes, inferer):
    model = bundle_model(dropout_network(axes, classes), inferer, argmax=classes > 1)
    assert view_disagreement(model, item(square(image_axes))) == 0


def test_pictures_are_flipped_both_ways_unless_the_bundle_has_views_of_its_own():
    image = item(square(2, 0.5))

    def found(axis, inferer=None):
        return view_disagreement(bundle_model(Ramp(axis), inferer, argmax=False), image)

    assert found(0) > 0.1 and found(1) > 0.1
    columns = TestTimeAugmentationInferer(flip_views((1,)), activation="sigmoid")
    assert found(0, columns) == 0 and found(1, columns) > 0.1
    alone = TestTimeAugmentationInferer(flip_views(()), activation="sigmoid")
    assert found(0, alone) == found(0)
    every = TestTimeAugmentationInferer(None, activation=None, inferer=StepWindowInferer(24, 24, activation="sigmoid"))
    assert found(0, every) == pytest.approx(found(0), abs=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_volumes_are_flipped_left_to_right_whatever_axis_that_is(axis):
    affine = torch.eye(4)[:, [(3 - axis + column) % 3 for column in range(3)] + [3]]
    affine[0] *= -1  # left to right, or right to left
    image = item(square(3, 0.5), affine)
    for other in range(3):
        found = view_disagreement(bundle_model(Ramp(other, classes=2)), image)
        assert (found > 0.1) == (other == axis)


def test_ambiguous_image_has_views_that_disagree_more():
    model = bundle_model(Ramp(1), argmax=False)
    clear, ambiguous = (view_disagreement(model, item(square(2, value))) for value in (4.0, 0.5))
    assert clear < ambiguous
    nothing = bundle_model(Ramp(1), argmax=False)
    assert view_disagreement(nothing, item(square(2, 0.0) - 4)) == 0


def test_networks_of_an_ensemble_are_members():
    low, high = dropout_network(2, classes=2), dropout_network(2, classes=2)
    with torch.no_grad():
        low[3].bias[1] = -20
    ensemble = AdaptiveSingleModelEnsemble(flip_views((1,)), empty_area=None)
    image = item(square(2))
    assert view_disagreement(bundle_model(nn.ModuleList([high, high]), ensemble), image) == 0
    found = view_disagreement(bundle_model(nn.ModuleList([low, high]), ensemble), image)
    assert found == pytest.approx(2 / 3, abs=1e-3)  # 4 of the 6 pairs are of both networks


def test_views_of_a_network_that_gives_nan_are_refused():
    with pytest.raises(ValueError, match="NaN or infinite"):
        view_disagreement(bundle_model(Faulty(), argmax=False), item(square(2)))


# --- bundles


@pytest.mark.parametrize("make", [unet_bundle, tumour_bundle, picture_bundle])
def test_scores_of_a_bundle_leave_its_inference_as_it_is(make, tmp_path):
    axes, channels = (2, 3) if make is picture_bundle else (3, 4 if make is tumour_bundle else 1)
    shape = {"spatial_dims": axes, "in_channels": channels, "out_channels": 3, "channels": [4, 8], "strides": [2]}
    network = {"_target_": "UNet", **shape, "dropout": 0.3, "norm": "batch"}
    model = Model(make(tmp_path / "bundle", network_def=network))
    if make is picture_bundle:
        files = [save_picture(tmp_path / "image.png")]
    else:
        files = [save_volume(tmp_path / f"{number}.nii.gz", (20, 24, 16), seed=number) for number in range(channels)]
    image = model.read(files)
    before = model.finish(model.infer(image)).labels
    scores = [dropout_uncertainty(model, image, samples=3), view_disagreement(model, image)]
    assert all(0 < score < 1 for score in scores)
    assert scores == [dropout_uncertainty(model, image, samples=3), view_disagreement(model, image)]
    assert (model.finish(model.infer(image)).labels == before).all()
