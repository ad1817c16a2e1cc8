from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy

from monai_nlseg.bundle.runtime.probabilities import as_probabilities, entropy_map, mean_entropy

LOGITS = st.integers(2, 5).flatmap(
    lambda classes: arrays(np.float32, (classes, 3, 4), elements=st.floats(-50, 50, width=32))
)


@settings(deadline=None)
@given(LOGITS)
def test_entropy_of_exclusive_classes_is_scipy_s(logits):
    scores = torch.from_numpy(logits).softmax(0)
    found = entropy_map(scores, exclusive=True)
    expected = entropy(scores.double().numpy(), axis=0, base=len(scores))
    assert found.shape == (3, 4) and found.min() >= 0 and found.max() <= 1
    np.testing.assert_allclose(found, expected, atol=1e-5)


@settings(deadline=None)
@given(LOGITS)
def test_entropy_of_masks_is_the_mean_of_their_own(logits):
    scores = torch.from_numpy(logits).sigmoid()
    both = torch.stack((scores, 1 - scores)).double().numpy()
    found = entropy_map(scores, exclusive=False)
    assert found.min() >= 0 and found.max() <= 1
    np.testing.assert_allclose(found, entropy(both, axis=0, base=2).mean(0), atol=1e-5)


@settings(deadline=None)
@given(arrays(np.float32, (2, 3, 3), elements=st.floats(0, 0.5, width=32)))
def test_entropy_never_passes_1_even_where_classes_do_not_sum_to_1(scores):
    assert entropy_map(torch.from_numpy(scores), exclusive=True).max() <= 1


@settings(deadline=None)
@given(LOGITS, st.booleans())
def test_probabilities_are_taken_as_they_are(logits, exclusive):
    scores = torch.from_numpy(logits)
    chances = scores.softmax(0) if exclusive else scores.sigmoid()
    torch.testing.assert_close(as_probabilities(chances, exclusive), chances)
    again = as_probabilities(chances.half(), exclusive)
    torch.testing.assert_close(again, chances, atol=1e-3, rtol=1e-3)
    found = as_probabilities(scores, exclusive)
    assert found.min() >= 0 and found.max() <= 1 and found.dtype == torch.float32


@pytest.mark.parametrize("exclusive", [True, False])
def test_logits_are_recognised_by_their_range(exclusive):
    scores = torch.tensor([[-3.0, 0.2], [0.5, 4.0]])[..., None]
    expected = scores.softmax(0) if exclusive else scores.sigmoid()
    torch.testing.assert_close(as_probabilities(scores, exclusive), expected)
    torch.testing.assert_close(as_probabilities(torch.tensor([[-5e-5, 1 + 5e-5]]), False), torch.tensor([[0.0, 1.0]]))


def test_small_logits_are_recognised_by_their_sum():
    scores = torch.full((4, 2, 2), 0.9)
    torch.testing.assert_close(as_probabilities(scores, True), torch.full((4, 2, 2), 0.25))
    torch.testing.assert_close(as_probabilities(scores, False), scores)
    padded = torch.tensor([[0.5, 0.0], [0.5, 0.0]])
    torch.testing.assert_close(as_probabilities(padded, True), padded)


def test_certain_and_undecided():
    certain, undecided = torch.eye(3)[:, :2], torch.full((3, 2), 1 / 3)
    assert entropy_map(certain, True).tolist() == [0, 0]
    torch.testing.assert_close(entropy_map(undecided, True), torch.ones(2))
    assert entropy_map(torch.full((1, 2), 0.5), False).tolist() == [1, 1]
    assert entropy_map(torch.ones(1, 2), False).tolist() == [0, 0]


def test_the_mean_is_of_the_foreground_only():
    scores = torch.tensor([[1.0, 0.2, 0.5], [0.0, 0.8, 0.5]])
    assert mean_entropy(scores, True) == pytest.approx(entropy([0.2, 0.8], base=2))
    assert mean_entropy(scores[1:], False) == pytest.approx(entropy([0.2, 0.8], base=2))
    assert mean_entropy(scores[:, :1], True) is None and mean_entropy(scores[1:, :1], False) is None
