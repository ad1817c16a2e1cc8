from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from monai_nlseg.metrics import PooledROCAUCMetric, compute_pooled_roc_auc


def simulated(cases, pixels, decimals=None, dtype=torch.float32, seed=0):
    """Scores and labels (B, 1, pixels), 10 % positive, overlapping."""
    generator = np.random.default_rng(seed)
    label = generator.random((cases, 1, pixels)) < 0.1
    scores = 1 / (1 + np.exp(-generator.normal(np.where(label, 1.0, -1.0), 1.5)))
    scores = scores if decimals is None else scores.round(decimals)
    return torch.from_numpy(scores).to(dtype), torch.from_numpy(label.astype(np.uint8))


@pytest.mark.parametrize(
    ("decimals", "dtype"),
    [(None, torch.float32), (None, torch.float64), (2, torch.float32), (1, torch.float32), (None, torch.float16)],
)
def test_equals_scikit_learn_over_the_cohort(decimals, dtype):
    scores, label = simulated(7, 5000, decimals, dtype)
    expected = roc_auc_score(label.flatten(), scores.flatten())
    metric = PooledROCAUCMetric()
    for case in range(3):
        metric(scores[case : case + 1], label[case : case + 1])
    metric(list(scores[3:5]), list(label[3:5]))
    metric(scores[5:], label[5:])
    assert metric.aggregate() == pytest.approx(expected, abs=1e-13)
    assert compute_pooled_roc_auc(scores, label) == metric.aggregate()


@settings(max_examples=100, deadline=None)
@given(
    arrays(np.int64, st.integers(2, 40), elements=st.integers(-3, 3)),
    st.integers(0, 2**40 - 1),
    st.integers(0, 2**40 - 1),
)
def test_equals_scikit_learn_with_ties(scores, labels, inside):
    label, mask = (np.array([bits >> index & 1 for index in range(len(scores))]) for bits in (labels, inside))
    chosen = mask.astype(bool)
    assume(0 < label[chosen].sum() < chosen.sum())
    tensors = [torch.from_numpy(values)[None, None] for values in (scores.astype(np.float32), label, mask)]
    assert compute_pooled_roc_auc(*tensors) == pytest.approx(roc_auc_score(label[chosen], scores[chosen]), abs=1e-13)


def held(metric):
    """Bytes that a metric keeps of the cases so far."""
    counters = (metric.positives, metric.negatives)
    tensors = [held for one in counters for held in (one.once, one.repeated, one.counts, *one.new)]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@pytest.mark.parametrize(
    ("decimals", "dtype", "most"),
    # of float32 scores that differ, 4 bytes a voxel; of 101 values with their numbers, little, however many the voxels
    [
        (None, torch.float32, 4.2 * 40 * 4000),
        (2, torch.float32, 2 * 101 * 12 * 2),
        (3, torch.float16, 2 * 1001 * 10 * 2),
    ],
)
def test_no_voxel_is_held_twice(decimals, dtype, most):
    scores, label = simulated(40, 4000, decimals, dtype)
    metric = PooledROCAUCMetric()
    for case in range(40):
        metric(scores[case : case + 1], label[case : case + 1])
        assert held(metric) <= most
    values, positives, others, negatives = metric.get_buffer()
    assert values.equal(values.unique()) and others.equal(others.unique())
    assert positives.sum() == label.sum() and negatives.sum() == 40 * 4000 - label.sum()


def test_integer_scores_keep_their_order():
    scores, label = torch.tensor([[[2**25, 2**25 + 1, 2**25 + 2]]]), torch.tensor([[[0, 1, 0]]])
    assert compute_pooled_roc_auc(scores, label) == 0.5


def test_order_of_logits_and_probabilities_is_one():
    scores, label = simulated(2, 500, dtype=torch.float64)
    both = torch.cat([1 - scores, scores], 1), torch.cat([1 - label, label], 1)
    assert compute_pooled_roc_auc(scores.logit(), label) == compute_pooled_roc_auc(*both)
    assert compute_pooled_roc_auc(-scores, label) == pytest.approx(1 - compute_pooled_roc_auc(scores, label))
    assert compute_pooled_roc_auc(torch.zeros_like(scores), label) == 0.5


def test_signed_zeros_and_infinities():
    scores = torch.tensor([[[-torch.inf, -0.0, 0.0, torch.inf]]])
    assert compute_pooled_roc_auc(scores, torch.tensor([[[0, 1, 0, 1]]])) == 0.875


def test_starts_anew():
    scores, label = simulated(1, 300)
    metric = PooledROCAUCMetric()
    metric(scores, label)
    metric.reset()
    with pytest.raises(ValueError, match="0 positive and 0 negative voxels make no ROC curve: call the metric"):
        metric.aggregate()
    metric(-scores, label)
    assert metric.aggregate() == compute_pooled_roc_auc(-scores, label)


@pytest.mark.parametrize(
    ("scores", "label", "mask", "words"),
    [
        (torch.zeros(1, 1, 4), torch.zeros(1, 1, 5), None, r"\[1, 1, 4\], y has \[1, 1, 5\]: give scores"),
        (torch.zeros(1, 3, 4), torch.zeros(1, 3, 4), None, r"scores of 3 channels .* give \(B, 1, spatial\)"),
        (torch.full((1, 1, 4), torch.nan), torch.ones(1, 1, 4), None, "the scores hold NaN"),
        (torch.zeros(1, 1, 4), torch.full((1, 1, 4), 255), None, "y holds 255, expected only 0 and 1"),
        (torch.zeros(1, 1, 4), torch.ones(1, 1, 4), None, "4 positive and 0 negative voxels make no ROC curve"),
        (torch.zeros(1, 1, 2), torch.tensor([[[0, 1]]]), torch.tensor([[[1, 0]]]), "0 positive and 1 negative"),
        (torch.zeros(1, 1, 2), torch.tensor([[[0, 1]]]), torch.ones(1, 2), r"mask has shape \[1, 2\]"),
    ],
)
def test_refuses_what_has_no_curve(scores, label, mask, words):
    with pytest.raises(ValueError, match=words):
        compute_pooled_roc_auc(scores, label, mask)
