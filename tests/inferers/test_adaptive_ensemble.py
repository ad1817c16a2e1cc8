from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.engines import SupervisedEvaluator
from monai.inferers import SlidingWindowInferer

from monai_nlseg.inferers import (
    AdaptiveSingleModelEnsemble,
    EnsembleResult,
    StepWindowInferer,
    View,
    dice_similarity,
    ensemble_weights,
    flip_views,
    rotation_views,
)
from monai_nlseg.transforms import resize_masks

WORKED = torch.tensor([[1, 0, 0.52, 0.79], [0, 1, 0, 0], [0.52, 0, 1, 0.65], [0.79, 0, 0.65, 1]])
IDENTITY = flip_views([])


def released(predictions: np.ndarray, base: float = 100.0) -> np.ndarray:
    """Weights of the report's procedure, written down from FACTS in NumPy, for (K, 2, H, W)."""
    labels = predictions.argmax(1)
    count = len(labels)
    matrix = np.zeros((count, count))
    for i in range(count):
        matrix[i, i] = 0.5
        for j in range(i + 1, count):
            matrix[i, j] = (2 * (labels[i] * labels[j]).sum() + 1e-5) / ((labels[i] + labels[j]).sum() + 1e-5)
    matrix += matrix.T
    values, vectors = np.linalg.eig(matrix)
    powers = base ** np.abs(vectors[:, values.argmax()])
    return powers / powers.sum()


def members(logits: torch.Tensor) -> list:
    """Networks that return these logits (K, classes, *spatial), whatever they get."""
    return [lambda inputs, each=each: each.expand(len(inputs), *each.shape) for each in logits]


def combine(logits: torch.Tensor, empty_area: int | None, **kwargs) -> EnsembleResult:
    """The result for these predictions (K, classes, *spatial)."""
    ensemble = AdaptiveSingleModelEnsemble(IDENTITY, empty_area=empty_area, **kwargs)
    return ensemble.results(torch.rand(1, 1, *logits.shape[2:]), members(logits))[0]


def blobs(count: int, shape: tuple[int, ...], classes: int = 2, seed: int = 0) -> torch.Tensor:
    """Logits (count, classes, *shape) that agree in part, foreground in more than half of the image."""
    generator = torch.Generator().manual_seed(seed)
    common = torch.randn(1, classes, *shape, generator=generator)
    common[:, 1:] += 1.0
    return common + 0.7 * torch.randn(count, classes, *shape, generator=generator)


class TestWeights:
    def test_worked_example_of_the_report(self):
        torch.testing.assert_close(
            ensemble_weights(WORKED),
            torch.tensor([0.3291, 0.0227, 0.2651, 0.3831], dtype=torch.float64),
            rtol=0,
            atol=5e-5,
        )
        exact = torch.tensor([0.32907477, 0.02265702, 0.26514827, 0.38311994], dtype=torch.float64)
        torch.testing.assert_close(ensemble_weights(WORKED), exact, rtol=0, atol=1e-7)

    def test_another_base(self):
        expected = torch.tensor([0.2819, 0.1577, 0.2690, 0.2914], dtype=torch.float64)
        torch.testing.assert_close(ensemble_weights(WORKED, math.e), expected, rtol=0, atol=5e-5)
        torch.testing.assert_close(ensemble_weights(WORKED, 1), torch.full((4,), 0.25, dtype=torch.float64))

    @pytest.mark.parametrize("count", [1, 2, 5])
    @pytest.mark.parametrize("fill", [0.0, 0.4, 1.0])
    def test_equal_similarities_give_equal_weights(self, count, fill):
        """With 0 every vector is an eigenvector: none may be preferred for its place."""
        matrix = torch.full((count, count), fill).fill_diagonal_(1.0)
        torch.testing.assert_close(ensemble_weights(matrix), torch.full((count,), 1 / count, dtype=torch.float64))

    def test_two_groups_alike(self):
        matrix = torch.block_diag(torch.ones(2, 2), torch.eye(1), torch.ones(2, 2))
        weights = ensemble_weights(matrix)
        torch.testing.assert_close(weights[[0, 1, 3]], weights[[1, 3, 4]])
        assert weights[2] == weights.min() < weights[0]

    @settings(max_examples=50, deadline=None)
    @given(st.integers(2, 8), st.integers(0, 10**6))
    def test_order_does_not_matter(self, count, seed):
        generator = torch.Generator().manual_seed(seed)
        upper = torch.rand(count, count, generator=generator, dtype=torch.float64).triu(1)
        matrix = upper + upper.T + torch.eye(count, dtype=torch.float64)
        order = torch.randperm(count, generator=generator)
        weights = ensemble_weights(matrix)
        torch.testing.assert_close(ensemble_weights(matrix[order][:, order]), weights[order])
        torch.testing.assert_close(weights.sum(), torch.tensor(1.0, dtype=torch.float64))
        assert (weights > 0).all()

    @pytest.mark.parametrize(
        "matrix",
        [
            torch.tensor([[1.0, 0.2], [0.3, 1.0]]),
            torch.tensor([[1.0, -0.2], [-0.2, 1.0]]),
            torch.tensor([[1.0, 2.0], [2.0, 1.0]]),
            torch.full((2, 2), math.nan),
        ],
    )
    def test_ill_values(self, matrix):
        with pytest.raises(ValueError, match="not symmetric with values 0 to 1"):
            ensemble_weights(matrix)

    @pytest.mark.parametrize("shape", [(2, 3), (4,), (0, 0)])
    def test_ill_shapes(self, shape):
        with pytest.raises(ValueError, match="expected a square matrix"):
            ensemble_weights(torch.ones(shape))

    @pytest.mark.parametrize("base", [0.5, 0.0, -1.0, math.inf, math.nan])
    def test_ill_bases(self, base):
        with pytest.raises(ValueError, match="would favour predictions that disagree"):
            ensemble_weights(WORKED, base)


class TestSimilarity:
    def test_by_hand(self):
        maps = torch.tensor([[[1, 1], [0, 0]], [[1, 0], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 0]]])
        found = dice_similarity(maps)
        assert torch.equal(found, found.T) and torch.equal(found.diagonal(), torch.ones(4, dtype=torch.float64))
        assert found[0, 1] == pytest.approx((2 + 1e-5) / (3 + 1e-5), abs=1e-12)
        assert found[1, 2] == pytest.approx(9.9999e-06, abs=1e-10)
        assert found[2, 3] == 1.0

    def test_mean_over_foreground_classes(self):
        maps = torch.tensor([[1, 1, 2, 2, 0, 0], [1, 0, 2, 2, 0, 0]])
        assert dice_similarity(maps, 3)[0, 1] == pytest.approx((2 / 3 + 1) / 2, abs=1e-5)
        assert dice_similarity(maps, 4)[0, 1] == pytest.approx((2 / 3 + 1 + 1) / 3, abs=1e-5)

    def test_counting_in_parts(self, monkeypatch):
        """Large maps are counted in parts, within which float32 is exact."""
        maps = torch.randint(0, 3, (3, 5, 7, 4), generator=torch.Generator().manual_seed(0))
        whole = dice_similarity(maps, 3)
        monkeypatch.setattr("monai_nlseg.inferers.adaptive_ensemble.VOXELS_AT_ONCE", 9)
        assert torch.equal(dice_similarity(maps, 3), whole)

    def test_autocast_does_not_round_the_counts(self):
        maps = torch.randint(0, 2, (3, 50, 70), generator=torch.Generator().manual_seed(0))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = dice_similarity(maps)
        assert torch.equal(found, dice_similarity(maps))

    @pytest.mark.parametrize(
        ("labels", "classes", "message"),
        [
            (torch.zeros(2, 3, dtype=torch.int64), 1, "leave no foreground"),
            (torch.zeros(2, 3), 2, "expected whole numbers"),
            (torch.zeros(2, dtype=torch.int64), 2, "expected whole numbers"),
            (torch.zeros(2, 0, dtype=torch.int64), 2, "expected whole numbers"),
            (torch.tensor([[0, 2]]), 2, "labels go from 0 to 2: expected 0 to 1"),
            (torch.tensor([[-1, 0]]), 2, "labels go from -1 to 0"),
        ],
    )
    def test_ill_labels(self, labels, classes, message):
        with pytest.raises(ValueError, match=message):
            dice_similarity(labels, classes)


class TestEnsemble:
    @pytest.mark.parametrize("shape", [(2, 1, 33, 47), (1, 3, 17, 12, 9), (3, 2, 64, 8)])
    @pytest.mark.parametrize("classes", [1, 2, 4])
    def test_shapes(self, shape, classes):
        convolution = (torch.nn.Conv2d, torch.nn.Conv3d)[len(shape) - 4]
        network = convolution(shape[1], classes, 3, padding=1)
        found = AdaptiveSingleModelEnsemble(empty_area=10)(torch.rand(shape), network)
        assert found.shape == (shape[0], classes, *shape[2:]) and found.dtype == torch.float32
        assert not found.requires_grad

    @pytest.mark.parametrize("seed", range(4))
    def test_equals_the_released_procedure(self, seed):
        """Four views of one network, against NumPy: its eig, its loops, its flips."""
        torch.manual_seed(seed)
        network, image = torch.nn.Conv2d(1, 2, 3, padding=1), torch.rand(1, 1, 24, 36)
        flips = ([], [3], [2], [2, 3])
        with torch.no_grad():
            predictions = torch.cat([network(image.flip(axes)).flip(axes) for axes in flips])
        weights = released(predictions.numpy())
        (result,) = AdaptiveSingleModelEnsemble(empty_area=None).results(image, network)
        np.testing.assert_allclose(result.weights.numpy(), weights, rtol=0, atol=1e-6)
        expected = (weights[:, None, None, None] * predictions.numpy()).sum(0)
        np.testing.assert_allclose(result.logits.numpy(), expected, rtol=0, atol=1e-5)
        assert not result.emptied and result.area is None

    def test_an_outlier_weighs_least(self):
        logits = blobs(4, (20, 20))
        logits[2] = -logits[2]
        result = combine(logits, 0)
        assert result.weights.argmin() == 2 and result.weights[2] < 0.5 * result.weights[[0, 1, 3]].min()

    def test_uniform_is_the_mean_of_logits(self):
        logits = blobs(3, (9, 11), classes=3)
        result = combine(logits, None, weighting="uniform")
        torch.testing.assert_close(result.logits, logits.mean(0))
        torch.testing.assert_close(result.weights, torch.full((3,), 1 / 3, dtype=torch.float64))
        assert result.similarity is None

    @settings(max_examples=25, deadline=None)
    @given(st.integers(2, 6), st.integers(1, 3), st.integers(0, 10**6))
    def test_order_of_predictions_does_not_matter(self, count, classes, seed):
        logits = blobs(count, (6, 5), classes, seed)
        order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
        first, second = combine(logits, None), combine(logits[order], None)
        torch.testing.assert_close(second.weights, first.weights[order])
        torch.testing.assert_close(second.logits, first.logits, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(first.weights.sum(), torch.tensor(1.0, dtype=torch.float64))

    @settings(max_examples=10, deadline=None)
    @given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 10**6))
    def test_equal_predictions_weigh_alike(self, count, classes, seed):
        logits = blobs(1, (7, 6), classes, seed)
        result = combine(logits.expand(count, *logits.shape[1:]), None)
        torch.testing.assert_close(result.weights, torch.full((count,), 1 / count, dtype=torch.float64))
        torch.testing.assert_close(result.logits, logits[0])

    def test_images_are_treated_one_by_one(self):
        torch.manual_seed(0)
        network, images = torch.nn.Conv2d(1, 2, 5, padding=2), torch.rand(3, 1, 20, 14)
        images[1] *= 9
        ensemble = AdaptiveSingleModelEnsemble(empty_area=5)
        together = ensemble(images, network)
        for image, found in zip(images, together):
            torch.testing.assert_close(ensemble(image[None], network)[0], found)

    def test_several_networks_all_vote(self):
        """The released code takes the first four predictions only; here eight decide on the area."""
        empty, full = torch.zeros(2, 8, 8), torch.zeros(2, 8, 8)
        empty[0], full[1] = 1.0, 3.0
        networks = torch.nn.ModuleList([Constant(empty), Constant(full)])
        (result,) = AdaptiveSingleModelEnsemble(empty_area=10).results(torch.rand(1, 1, 8, 8), networks)
        assert result.area == 64 and not result.emptied and len(result.weights) == 8

    def test_arguments_and_meta_data_reach_the_ends(self):
        image = MetaTensor(torch.rand(1, 1, 6, 6), affine=torch.diag(torch.tensor([2.0, 3.0, 1.0, 1.0])))
        seen = []

        def network(inputs, factor, extra=0):
            seen.append((type(inputs), factor, extra))
            return torch.cat([-inputs, inputs], dim=1)

        found = AdaptiveSingleModelEnsemble(empty_area=0)(image, network, 2, extra=3)
        assert isinstance(found, MetaTensor) and torch.equal(found.affine, image.affine)
        assert seen == [(torch.Tensor, 2, 3)] * 4

    @pytest.mark.parametrize("inner", [SlidingWindowInferer(8, overlap=0.5), StepWindowInferer(8, 4, activation=None)])
    def test_inner_inferer(self, inner):
        torch.manual_seed(0)
        network, image = torch.nn.Conv2d(1, 2, 1), torch.rand(1, 1, 16, 12) + 0.1
        whole = AdaptiveSingleModelEnsemble(empty_area=None)(image, network)
        torch.testing.assert_close(AdaptiveSingleModelEnsemble(empty_area=None, inferer=inner)(image, network), whole)

    def test_own_views(self):
        gamma = View("gamma", lambda image: image**2, lambda prediction: prediction)
        views = [*rotation_views(), gamma]
        (result,) = AdaptiveSingleModelEnsemble(views, empty_area=None).results(
            torch.rand(1, 1, 9, 13), lambda x: torch.cat([0.2 - x, x - 0.2], dim=1)
        )
        assert result.logits.shape == (2, 9, 13)
        # A network without memory of place sees the same in every rotation.
        torch.testing.assert_close(result.weights[:4], result.weights[:1].expand(4))
        assert result.weights[4] < result.weights[0]

    def test_in_an_evaluator(self):
        """Several networks as the one module that MONAI's engines take."""
        networks = torch.nn.ModuleList([torch.nn.Conv2d(1, 2, 3, padding=1) for _ in range(2)])
        image, ensemble = torch.rand(1, 1, 12, 10), AdaptiveSingleModelEnsemble(empty_area=None)
        evaluator = SupervisedEvaluator(torch.device("cpu"), [{"image": image}], networks, inferer=ensemble)
        evaluator.run()
        (output,) = evaluator.state.output
        torch.testing.assert_close(output["pred"], ensemble(image, networks)[0])

    def test_from_a_config(self):
        parser = ConfigParser(
            {
                "inferer": {
                    "_target_": "monai_nlseg.inferers.AdaptiveSingleModelEnsemble",
                    "views": {"_target_": "monai_nlseg.inferers.flip_views", "spatial_axes": [1]},
                    "area_size": [420, 580],
                }
            }
        )
        assert len(parser.get_parsed_content("inferer").views) == 2


class Constant(torch.nn.Module):
    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(inputs), *self.logits.shape)


class TestEmpty:
    def test_the_report_s_threshold_is_the_default(self):
        logits = torch.full((1, 1, 60, 60), -3.0)
        logits[..., :50, :50] = 3.0
        ensemble, image = AdaptiveSingleModelEnsemble(IDENTITY), torch.rand(1, 1, 60, 60)
        assert ensemble.results(image, members(logits))[0].emptied
        logits[..., 59, 59] = 3.0
        assert not ensemble.results(image, members(logits))[0].emptied

    @pytest.mark.parametrize(("side", "emptied"), [(50, True), (51, False)])
    @pytest.mark.parametrize("classes", [1, 2, 3])
    def test_threshold_is_inclusive(self, side, emptied, classes):
        """50 x 50 = 2500 pixels are nothing, more are something; of whichever class."""
        logits = torch.full((classes, 60, 60), -3.0)
        logits[-1, 5 : 5 + side, 5:55] = 3.0
        result = combine(logits[None], 2500)
        assert result.area == side * 50 and result.emptied is emptied
        labels = result.logits > 0 if classes == 1 else result.logits.argmax(0)
        assert bool(labels.any()) is not emptied

    @pytest.mark.parametrize("classes", [1, 2, 4])
    def test_logits_are_certain(self, classes):
        logits = torch.full((1, classes, 8, 8), 0.0)
        logits[:, -1, 2, 2] = 5.0
        result = combine(logits, 64)
        assert result.emptied and result.similarity is None
        if classes == 1:
            assert not result.logits.sigmoid().any()
        else:
            assert (result.logits.softmax(0)[0] == 1).all() and not result.logits.softmax(0)[1:].any()
        assert torch.isfinite(result.logits.half()).all()

    def test_area_is_counted_at_its_size(self):
        """As released: 448 x 576 pixels are counted after resizing to 420 x 580."""
        logits = torch.zeros(1, 2, 448, 576)
        logits[:, 0] = 0.5
        logits[:, 1, 100:150, 200:251] = 1.0  # 50 x 51 pixels, about 47 x 51 when resized
        here, there = combine(logits, 2500), combine(logits, 2500, area_size=(420, 580))
        assert here.area == 2550 and not here.emptied
        expected = int(resize_masks((logits.argmax(1) > 0)[None], (420, 580)).sum())
        assert there.area == expected < 2500 and there.emptied

    def test_no_second_look(self):
        """The weighted result may be smaller than what the uniform vote must have."""
        few, many = torch.full((2, 2, 10, 10), 0.0), torch.zeros(1, 2, 10, 10)
        few[:, 0], few[:, 1, 0, :3] = 1.0, 2.0
        many[:, 1] = 2.5
        logits = torch.cat([few, many])
        result = combine(logits, 50)
        assert result.area == 100 and not result.emptied
        assert int(result.logits.argmax(0).sum()) == 3

    def test_predictions_without_foreground(self):
        """Two that are empty agree in that (1) and outweigh the third, which is not."""
        logits = torch.zeros(3, 2, 6, 6)
        logits[:2, 0], logits[2, 1] = 1.0, 1.5
        result = combine(logits, None)
        assert result.similarity[0, 1] == 1.0 and result.similarity[0, 2] < 1e-5
        assert result.weights[0] == pytest.approx(float(result.weights[1])) and result.weights[2] < 0.05


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"views": []}, "views is empty"),
        ({"weighting": "mean"}, "weighting 'mean' is unknown: choose"),
        ({"base": 0.5}, "base 0.5 would favour"),
        ({"empty_area": -1}, "empty_area -1 is negative"),
    ],
)
def test_ill_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        AdaptiveSingleModelEnsemble(**kwargs)


def test_ill_area_size():
    with pytest.raises(ValueError, match=r"size \(4, 4\) does not fit masks of \[5, 5, 5\]"):
        AdaptiveSingleModelEnsemble(area_size=(4, 4))(torch.rand(1, 1, 5, 5, 5), lambda x: x)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_logits_that_are_not_finite(value):
    with pytest.raises(ValueError, match="network 0 returned NaN or infinite values for view 'identity': check"):
        AdaptiveSingleModelEnsemble()(torch.rand(1, 1, 5, 5), lambda x: x + value)
