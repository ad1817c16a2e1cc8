from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from monai.metrics import HausdorffDistanceMetric
from monai.utils import MetricReduction

from monai_nlseg.metrics import ModifiedHausdorffMetric, compute_modified_hausdorff, masks
from tests.metrics.masks import brute_lines, brute_points, golden_toy


def one_hot(labels, classes=3):
    return torch.nn.functional.one_hot(torch.as_tensor(labels).long(), classes).movedim(-1, 1)


def random_batch(seed=0, shape=(2, 5, 6, 7)):
    rng = np.random.default_rng(seed)
    return one_hot(rng.integers(0, 3, shape)), one_hot(rng.integers(0, 3, shape))


# FACTS.md 1.6, computed with the published formula: whole volume, cropped to the union box, padded by two zeros.
@pytest.mark.parametrize(
    ("padding", "roi", "expected"),
    [(0, None, 0.3583333333), (0, "nonzero", 0.8745911492), (2, "nonzero", 0.8745911492), (2, "full", 0.1097222222)],
)
def test_golden_toy(padding, roi, expected):
    result = compute_modified_hausdorff(*golden_toy(padding), roi=roi)
    assert result.shape == (1, 1)
    assert result.item() == pytest.approx(expected, abs=1e-7)


def test_golden_toy_in_the_box_of_a_mask():
    y_pred, y = golden_toy()
    roi = torch.zeros(1, 1, 4, 5, 6)
    roi[..., 1:4, 1:4, 1:5] = 100
    assert compute_modified_hausdorff(y_pred, y, roi=roi).item() == pytest.approx(0.8745911492, abs=1e-7)


@pytest.mark.parametrize(
    ("background", "channels", "shape"),
    [(False, [1, 2], (2, 5, 6, 7)), (True, [0, 1, 2], (2, 5, 6, 7)), (False, [1, 2], (3, 8, 9))],
)
def test_each_case_and_class_by_itself(background, channels, shape):
    y_pred, y = random_batch(shape=shape)
    result = compute_modified_hausdorff(y_pred, y, include_background=background)
    expected = [
        [brute_lines(y_pred[case, channel].numpy(), y[case, channel].numpy()) for channel in channels]
        for case in range(shape[0])
    ]
    np.testing.assert_allclose(result, expected, atol=1e-6)
    assert result.dtype == torch.float32


@pytest.mark.parametrize(
    ("spacing", "rows"),
    [
        (None, [[1, 1, 1], [1, 1, 1]]),
        (2, [[2, 2, 2], [2, 2, 2]]),
        ([1, 0.5, 3], [[1, 0.5, 3], [1, 0.5, 3]]),
        (np.array([[1, 0.5, 3], [2, 1, 0.7]]), [[1, 0.5, 3], [2, 1, 0.7]]),
    ],
)
def test_spacing(spacing, rows):
    y_pred, y = random_batch()
    result = compute_modified_hausdorff(y_pred, y, definition="surface", spacing=spacing)
    expected = [
        [brute_points(y_pred[case, channel].numpy(), y[case, channel].numpy(), rows[case]) for channel in (1, 2)]
        for case in range(2)
    ]
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_directed_and_points_are_passed_on():
    y_pred, y = torch.zeros(1, 1, 1, 9), torch.zeros(1, 1, 1, 9)
    y_pred[..., 0] = 1
    y[..., :7] = 1
    arguments = {"definition": "surface", "spacing": 2.0}
    assert compute_modified_hausdorff(y_pred, y, **arguments).item() == 6  # mean of 0, 2, ..., 12
    assert compute_modified_hausdorff(y_pred, y, directed=True, **arguments).item() == 0
    square = torch.ones(1, 1, 5, 5)
    hollow = square.clone()
    hollow[..., 2, 2] = 0
    assert compute_modified_hausdorff(hollow, square, definition="surface").item() == pytest.approx(1 / 25)
    # Edges: 16 voxels of the square's rim, at 0; of the hollow one's 20 the 4 about the hole, 1 from the rim.
    edge = compute_modified_hausdorff(hollow, square, definition="surface", points="edge")
    assert edge.item() == pytest.approx(4 / 20)
    assert compute_modified_hausdorff(y_pred, y, directed=True).item() == pytest.approx((math.sqrt(6) + 0) / 2)


def test_roi_cuts_foreground_off():
    y_pred, y = torch.zeros(1, 1, 1, 10), torch.zeros(1, 1, 1, 10)
    y_pred[..., [0, 9]] = 1
    y[..., 0] = 1
    roi = torch.zeros(1, 1, 1, 10)
    roi[..., :5] = 1
    assert compute_modified_hausdorff(y_pred, y, definition="surface").item() == 4.5
    assert compute_modified_hausdorff(y_pred, y, definition="surface", roi=roi).item() == 0


@pytest.mark.parametrize("roi", [None, "nonzero"])
@pytest.mark.parametrize("swap", [False, True])
def test_missed_structure_raises_the_mean(roi, swap):
    labels = torch.zeros(1, 6, 8, 10)
    labels[0, 1:3, 2:5, 3:7] = 1
    masks = [one_hot(torch.zeros(1, 6, 8, 10)), one_hot(labels)]
    y_pred, y = masks[::-1] if swap else masks
    lines = compute_modified_hausdorff(y_pred, y, roi=roi)
    assert lines[0, 0] > 0
    assert lines[0, 1] == 0  # empty in both
    surface = compute_modified_hausdorff(y_pred, y, definition="surface", spacing=[1, 2, 0.5], roi=roi)
    # The diagonal of the whole volume, whatever the box.
    np.testing.assert_allclose(surface, [[math.hypot(6, 16, 5), 0]], rtol=1e-6)


def test_directed_from_an_empty_prediction():
    y = torch.zeros(1, 1, 3, 4)
    y[..., 0, 0] = 1
    empty = torch.zeros(1, 1, 3, 4)
    assert compute_modified_hausdorff(empty, y, directed=True).item() == 0
    assert compute_modified_hausdorff(empty, y).item() == pytest.approx((1 / 3 + 1 / 4) / 2)
    assert compute_modified_hausdorff(empty, torch.ones(1, 1, 3, 4), directed=True).item() == pytest.approx(
        (math.sqrt(3) + 2) / 2
    )


@given(arrays(np.uint8, (2, 3, 1, 2), elements=st.integers(0, 1)), st.sampled_from(["lines", "surface"]))
def test_is_always_finite(labels, definition):
    result = compute_modified_hausdorff(one_hot(labels[:1]), one_hot(labels[1:]), definition=definition)
    assert torch.isfinite(result).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"definition": "hd95"}, "definition is 'hd95', expected 'lines' or 'surface'"),
        ({"definition": "surface", "points": "skin"}, "points is 'skin', expected 'all' or 'edge'"),
        ({"spacing": 1.5}, "definition 'lines' was given spacing 1.5 and points 'all'"),
        ({"points": "edge"}, "was given spacing None and points 'edge', but lines have neither unit nor edge"),
        ({"definition": "surface", "spacing": [1, 2]}, r"spacing is \[1, 2\], expected a positive number, 3 of them"),
        ({"roi": "brain"}, "roi is 'brain'"),
    ],
)
def test_refusals(arguments, words):
    with pytest.raises(ValueError, match=words):
        compute_modified_hausdorff(*golden_toy(), **arguments)


@pytest.mark.parametrize("shape", [(1, 1, 4), (1, 1, 2, 2, 2, 2)])
def test_refuses_other_than_two_or_three_dimensions(shape):
    with pytest.raises(ValueError, match="give masks of two or three spatial dimensions"):
        compute_modified_hausdorff(torch.zeros(shape), torch.zeros(shape))


def test_looks_through_each_mask_once(monkeypatch):
    looked, to_booleans = [], masks.to_booleans

    def record(mask, name):
        looked.extend([name] * (mask.dtype != torch.bool))
        return to_booleans(mask, name)

    monkeypatch.setattr(masks, "to_booleans", record)
    compute_modified_hausdorff(*random_batch(), roi="nonzero")
    assert looked == ["y_pred", "y"]


@pytest.mark.parametrize("reduction", [reduction.value for reduction in MetricReduction])
@pytest.mark.parametrize(
    "arguments", [{}, {"roi": "nonzero"}, {"definition": "surface", "points": "edge", "spacing": 2}]
)
def test_metric_gathers_what_the_function_gives(reduction, arguments):
    batches = [random_batch(seed) for seed in range(3)]
    metric = ModifiedHausdorffMetric(reduction=reduction, get_not_nans=True, **arguments)
    for y_pred, y in batches:
        assert torch.equal(metric(y_pred, y), compute_modified_hausdorff(y_pred, y, **arguments))
    values = torch.cat([compute_modified_hausdorff(*batch, **arguments) for batch in batches])
    expected = {"none": values, "mean": values.mean()[None], "sum": values.sum(), "mean_batch": values.mean(0)}
    expected |= {"sum_batch": values.sum(0), "mean_channel": values.mean(1), "sum_channel": values.sum(1)}
    result, count = metric.aggregate()
    torch.testing.assert_close(result, expected[reduction])
    # The counts have MONAI's own form.
    reference = HausdorffDistanceMetric(reduction=reduction, get_not_nans=True)
    for batch in batches:
        reference(*batch)
    torch.testing.assert_close(count, reference.aggregate()[1])


def test_metric_takes_lists_of_different_shapes_and_a_spacing_for_a_call():
    cases = [random_batch(shape=(1, 4, 5, 6)), random_batch(shape=(1, 3, 7, 2))]
    metric = ModifiedHausdorffMetric(definition="surface", spacing=1.0)
    result = metric([case[0][0] for case in cases], [case[1][0] for case in cases], spacing=[1, 2, 3])
    expected = [compute_modified_hausdorff(*case, definition="surface", spacing=[1, 2, 3]) for case in cases]
    assert torch.equal(result, torch.cat(expected))


def test_metric_takes_a_roi_for_a_call():
    metric = ModifiedHausdorffMetric()
    assert metric(*golden_toy(), roi="nonzero").item() == pytest.approx(0.8745911492, abs=1e-7)


def test_metric_counts_a_missed_structure():
    labels = torch.zeros(2, 4, 4, 4)
    labels[:, 1:3, 1:3, 1:3] = 1
    y = one_hot(labels, classes=2)
    y_pred = y.clone()
    y_pred[1] = one_hot(torch.zeros(1, 4, 4, 4), classes=2)[0]
    metric = ModifiedHausdorffMetric(definition="surface", get_not_nans=True)
    metric(y_pred, y)
    value, count = metric.aggregate("mean_batch")
    assert value.item() == pytest.approx(math.sqrt(48) / 2)
    assert count.item() == 2


def test_metric_without_cases_says_so():
    with pytest.raises(ValueError, match="no case has been compared yet"):
        ModifiedHausdorffMetric().aggregate()
