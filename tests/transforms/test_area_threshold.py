from __future__ import annotations

import pytest
import torch

from monai_nlseg.transforms import AreaThreshold


@pytest.mark.parametrize(("pixels", "kept"), [(0, 0), (1, 0), (2499, 0), (2500, 0), (2501, 2501), (2684, 2684)])
def test_published_threshold(pixels, kept):
    prediction = torch.zeros(1, 420, 580)
    prediction.flatten()[:pixels] = 1
    assert AreaThreshold()(prediction).sum() == kept


def test_labels_count_together_and_stay():
    prediction = torch.tensor([[[0, 1, 2], [2, 0, 0]]])
    assert AreaThreshold(2)(prediction).tolist() == prediction.tolist()
    assert not AreaThreshold(3)(prediction).any()


def test_zero_keeps_everything():
    prediction = torch.tensor([[[[0, 1], [0, 0]]]])
    assert AreaThreshold(0)(prediction).sum() == 1
