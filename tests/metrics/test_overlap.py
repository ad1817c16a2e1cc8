from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from monai.metrics import compute_confusion_matrix_metric, compute_dice, compute_iou, get_confusion_matrix
from sklearn.metrics import jaccard_score

from monai_nlseg.metrics import OVERLAP_METRICS, OverlapMetric, compute_vnet_dice, count_confusion, kaggle_dice


@st.composite
def pairs(draw):
    """Two masks (B, C, *spatial) of one shape, empty ones among them."""
    shape = draw(array_shapes(min_dims=4, max_dims=5, max_side=5))
    return tuple(torch.from_numpy(draw(arrays(bool, shape, fill=st.just(False)))) for _ in range(2))


def golden_toy():
    """FACTS.md 1.6."""
    label, pred = torch.zeros(2, 1, 1, 4, 5, 6)
    label[..., 1:3, 1:4, 1:5] = 1
    pred[..., 1:4, 1:3, 2:5] = 1
    return pred, label


def test_golden_toy():
    pred, label = golden_toy()
    counts = count_confusion(pred, label)
    assert [field.item() for field in vars(counts).values()] == [12, 6, 12, 90]
    assert counts.dice.item() == pytest.approx(0.5714285714, abs=1e-10)
    assert counts.iou.item() == pytest.approx(12 / 30)
    assert counts.mean_iou.item() == pytest.approx((12 / 30 + 90 / 108) / 2)
    assert counts.sensitivity.item() == pytest.approx(12 / 24)
    assert counts.specificity.item() == pytest.approx(90 / 96)
    assert counts.accuracy.item() == pytest.approx(102 / 120)


@settings(max_examples=60, deadline=None)
@given(pairs())
def test_equals_monai(pair):
    pred, label = pair
    counts = count_confusion(pred, label, include_background=True)
    pred, label = pred.float(), label.float()
    matrix = get_confusion_matrix(pred, label)
    expected = {
        name: compute_confusion_matrix_metric(name, matrix) for name in ("sensitivity", "specificity", "accuracy")
    }
    expected["dice"] = compute_dice(pred, label, ignore_empty=False)
    expected["iou"] = compute_iou(pred, label, ignore_empty=False)
    for name, values in expected.items():
        torch.testing.assert_close(getattr(counts, name).float(), values.float(), equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(pairs())
def test_bounds_symmetry_and_pooling(pair):
    pred, label = pair
    counts, swapped = (count_confusion(*masks, include_background=True) for masks in ((pred, label), (label, pred)))
    for name in OVERLAP_METRICS:
        values = getattr(counts, name)
        assert (((values >= 0) & (values <= 1)) | values.isnan()).all()
        if name not in ("sensitivity", "specificity"):
            assert torch.equal(values.nan_to_num(2), getattr(swapped, name).nan_to_num(2))
    torch.testing.assert_close(counts.dice, 2 * counts.iou / (1 + counts.iou))
    one = [mask.transpose(0, 1).reshape(1, pred.shape[1], -1) for mask in (pred, label)]
    assert torch.equal(counts.pooled().dice, count_confusion(*one, include_background=True).dice)


@pytest.mark.parametrize(
    ("pred", "label", "expected"),
    [
        # dice, iou, mean_iou, sensitivity, specificity, accuracy
        ([0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, math.nan, 1, 1]),
        ([1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0.375, math.nan, 0.75, 0.75]),
        ([0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0.375, 0, 1, 0.75]),
        ([1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1, math.nan, 1]),
        ([1, 0, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1, 1, 1]),
    ],
)
def test_empty_masks_and_one_voxel(pred, label, expected):
    counts = count_confusion(torch.tensor([[pred]]), torch.tensor([[label]]))
    assert [getattr(counts, name).item() for name in OVERLAP_METRICS] == pytest.approx(expected, nan_ok=True)


def test_mean_iou_is_scikit_learns_over_the_classes_that_occur():
    generator = np.random.default_rng(0)
    pred, label = generator.choice([0, 1, 3], (2, 1, 60))  # class 2 does not occur
    one_hot = [torch.nn.functional.one_hot(torch.from_numpy(values), 4).movedim(-1, 1) for values in (pred, label)]
    counts = count_confusion(*one_hot, include_background=True)
    assert counts.mean_iou.item() == pytest.approx(jaccard_score(label[0], pred[0], average="macro"))


def test_voxels_outside_the_mask_do_not_count():
    pred, label = golden_toy()
    mask = torch.zeros_like(label)
    mask[..., 1:4, 1:4, 1:5] = 1
    cropped = count_confusion(pred[..., 1:4, 1:4, 1:5], label[..., 1:4, 1:4, 1:5])
    for name, count in vars(count_confusion(pred, label, mask=mask)).items():
        assert torch.equal(count, getattr(cropped, name))
    assert math.isnan(count_confusion(pred, label, mask=torch.zeros_like(label)).accuracy.item())


def test_counts_are_exact_above_what_float32_counts():
    label = torch.zeros(1, 1, 2**24 + 3, dtype=torch.bool)
    label[..., 0] = True
    assert count_confusion(label, label).true_negatives.item() == 2**24 + 2


def test_kaggle_dice_counts_two_empty_masks_as_one():
    label = torch.zeros(4, 1, 3, 3)
    pred = label.clone()
    label[1:3, :, 0] = 1
    pred[2:, :, 0, :2] = 1
    # empty and empty, missed, 2 * 2 / (3 + 2), spurious
    assert kaggle_dice(pred, label) == pytest.approx((1 + 0 + 0.8 + 0) / 4)
    two_channels = [torch.cat([1 - mask, mask], dim=1) for mask in (pred, label)]
    assert kaggle_dice(*two_channels) == pytest.approx(0.45)
    with pytest.raises(ValueError, match="is of one structure, y has 3 channels: give one or two"):
        kaggle_dice(torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2))


def metric_cohort():
    """Three images: two thirds of a structure found, nothing there to find, one voxel of two wrong."""
    label = torch.tensor([[[1, 1, 1, 0]], [[0, 0, 0, 0]], [[1, 0, 0, 0]]])
    pred = torch.tensor([[[1, 1, 0, 0]], [[0, 0, 0, 0]], [[1, 1, 0, 0]]])
    return pred, label


@pytest.mark.parametrize(
    ("name", "mean", "not_nans", "pooled"),
    [
        ("dice", (0.8 + 1 + 2 / 3) / 3, 3, 6 / 8),
        ("iou", (2 / 3 + 1 + 1 / 2) / 3, 3, 3 / 5),
        ("mean_iou", ((2 / 3 + 1 / 2) / 2 + 1 + (1 / 2 + 2 / 3) / 2) / 3, 3, (3 / 5 + 7 / 9) / 2),
        ("sensitivity", (2 / 3 + 1) / 2, 2, 3 / 4),
        ("specificity", (1 + 1 + 2 / 3) / 3, 3, 7 / 8),
        ("accuracy", (3 / 4 + 1 + 3 / 4) / 3, 3, 10 / 12),
    ],
)
def test_metric_over_cases_and_over_all_voxels(name, mean, not_nans, pooled):
    pred, label = metric_cohort()
    for over_voxels, expected in ((False, mean), (True, pooled)):
        metric = OverlapMetric(name, include_background=True, pooled=over_voxels, get_not_nans=True)
        metric(pred[:1], label[:1])
        metric(list(pred[1:]), list(label[1:]))
        value, defined = metric.aggregate()
        assert value.item() == pytest.approx(expected)
        assert defined.item() == (1 if over_voxels else not_nans)


def test_metric_that_is_defined_nowhere_is_not_zero():
    metric = OverlapMetric("sensitivity")
    metric(torch.zeros(2, 1, 4), torch.zeros(2, 1, 4))
    assert metric.aggregate().isnan()


def test_metric_takes_a_mask_and_classes():
    metric = OverlapMetric("accuracy", reduction="mean_batch")
    pred, label = torch.zeros(2, 1, 3, 4)
    pred[:, 1, :2], label[:, 1, :1], label[:, 2, 3] = 1, 1, 1
    metric(pred, label, mask=torch.tensor([[[1, 1, 1, 0]]]))
    assert metric.aggregate().tolist() == pytest.approx([2 / 3, 1])
    metric.reset()
    with pytest.raises(ValueError, match="no case has been compared yet"):
        metric.aggregate()


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"metric_name": "f1"}, r"no overlap metric is called 'f1': give one of \['dice', 'iou'"),
        ({"metric_name": "mean_iou"}, "mean over all classes: give include_background=True"),
    ],
)
def test_refuses_metrics_it_has_not(kwargs, words):
    with pytest.raises(ValueError, match=words):
        OverlapMetric(**kwargs)


@settings(max_examples=30, deadline=None)
@given(pairs())
def test_vnet_dice_of_masks_is_the_dice(pair):
    expected = count_confusion(*pair, include_background=True).dice
    torch.testing.assert_close(compute_vnet_dice(*pair, include_background=True), expected)
