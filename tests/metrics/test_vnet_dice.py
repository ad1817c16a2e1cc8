from __future__ import annotations

import pytest
import torch
from monai.losses import DiceLoss

from monai_nlseg.metrics import VNetDiceMetric, compute_vnet_dice


def test_squares_in_the_denominator():
    p, q = torch.tensor([[[0.5, 0.25, 0.0]]]), torch.tensor([[[1.0, 0.0, 0.0]]])
    assert compute_vnet_dice(p, q).item() == pytest.approx(2 * 0.5 / (0.25 + 0.0625 + 1))


def test_equals_one_minus_monais_loss():
    generator = torch.Generator().manual_seed(0)
    p, q = torch.rand(2, 2, 3, 6, 7, generator=generator)
    q = (q > 0.5).float()
    loss = DiceLoss(squared_pred=True, reduction="none", smooth_nr=0, smooth_dr=0)(p, q)
    torch.testing.assert_close(
        compute_vnet_dice(p, q, include_background=True).float(), 1 - loss.flatten(2).squeeze(-1)
    )


def test_nothing_there_and_nothing_predicted():
    zeros, ones = torch.zeros(1, 1, 4), torch.ones(1, 1, 4)
    assert [compute_vnet_dice(*pair).item() for pair in ((zeros, zeros), (zeros, ones), (ones, zeros))] == [1, 0, 0]


def test_metric():
    metric = VNetDiceMetric(reduction="mean_batch")
    p, q = torch.zeros(2, 2, 3, 4)
    p[0, 1, 0] = q[0, 1, 0] = q[1, 2, 0] = 1
    metric(p, q)
    assert metric.aggregate().tolist() == [1, 0.5]
    assert metric.aggregate("mean").item() == 0.75
    metric.reset()
    with pytest.raises(ValueError, match="no case has been compared yet"):
        metric.aggregate()


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (torch.full((1, 1, 4), -2.0), "y_pred holds -2 to -2, expected 0 to 1: apply a sigmoid or softmax first"),
        (torch.full((1, 1, 4), torch.nan), "y_pred holds NaN, expected 0 to 1"),
        (torch.zeros(1, 1, 5), r"shape \[1, 1, 5\], y has \[1, 1, 4\]: give probabilities and a label"),
    ],
)
def test_refuses_what_is_no_probability(p, words):
    with pytest.raises(ValueError, match=words):
        compute_vnet_dice(p, torch.zeros(1, 1, 4))
