from __future__ import annotations

import pytest
import torch
from monai.losses import DiceCELoss, DiceFocalLoss, DiceLoss

from monai_nlseg.losses import AnnotatedLoss, DiceBCELoss

SOFTMAX = {"to_onehot_y": True, "softmax": True, "batch": True}


@pytest.mark.parametrize("loss", [DiceCELoss(**SOFTMAX, include_background=False), DiceFocalLoss(**SOFTMAX)])
def test_it_is_the_loss_of_what_is_annotated(loss):
    logits, classes = torch.randn(2, 3, 6, 8), torch.randint(3, (2, 1, 6, 8)).float()
    outside = torch.zeros(2, 1, 6, 8)
    outside[..., 4:] = 1  # in all images, so that the rest is a picture, too
    found = AnnotatedLoss(loss)(logits, torch.cat([classes * (1 - outside), outside], 1))
    assert torch.allclose(found, loss(logits[..., :4], classes[..., :4]), atol=1e-6)


def test_other_voxels_have_no_gradient():
    logits = torch.randn(1, 2, 4, 4, requires_grad=True)
    outside = torch.zeros(1, 1, 4, 4)
    outside[0, 0, 1, 2] = 1
    AnnotatedLoss(DiceBCELoss())(logits, torch.cat([torch.ones(1, 2, 4, 4), outside], 1)).backward()
    assert not logits.grad[:, :, 1, 2].any() and logits.grad[:, :, 0].all()


def test_nothing_annotated_is_no_loss_and_can_be_differentiated():
    logits = torch.randn(1, 2, 4, 4, requires_grad=True)
    loss = AnnotatedLoss(DiceCELoss(**SOFTMAX))(logits, torch.ones(1, 2, 4, 4))
    loss.backward()
    assert loss == 0 and not logits.grad.any()


def test_overlapping_classes_are_compared_one_by_one():
    logits, masks = torch.randn(2, 3, 5, 5), torch.randint(2, (2, 3, 5, 5)).float()
    weight = torch.tensor([1.0, 2.0, 5.0])
    bce = torch.nn.BCEWithLogitsLoss(pos_weight=weight[:, None, None])
    expected = DiceLoss(sigmoid=True, batch=True)(logits, masks) + bce(logits, masks)
    assert torch.allclose(DiceBCELoss(weight=weight)(logits, masks), expected, atol=1e-6)
