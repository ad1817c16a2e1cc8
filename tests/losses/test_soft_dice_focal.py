from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.losses import DiceFocalLoss, FocalLoss

from monai_nlseg.losses import SoftDiceFocalLoss

INTERIOR = 1 - 12 / 255


def _case(seed=0, shape=(2, 4, 5)):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape[0], 2, *shape[1:], generator=generator)
    return logits, (torch.rand(shape[0], 1, *shape[1:], generator=generator) > 0.6).float()


@pytest.mark.parametrize("targets", ["soft", "hard_labels"])
def test_golden_value(targets):
    logits, mask = _case()
    loss = SoftDiceFocalLoss(targets)
    both = torch.cat((1 - mask, mask), dim=1)
    assert loss(logits, mask).item() == pytest.approx(0.9962760806, abs=1e-7)
    assert loss.dice(logits, both).item() == pytest.approx(0.5696682930, abs=1e-7)
    assert loss.focal(logits, both).item() == pytest.approx(0.4266077876, abs=1e-7)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    targets=st.sampled_from(["soft", "hard_labels"]),
    gamma=st.sampled_from([0.0, 2.0, 3.5]),
    alpha=st.sampled_from([None, 0.25]),
    shape=st.sampled_from([(1, 3, 7), (3, 4, 4), (2, 3, 4, 5)]),
)
def test_masks_of_0_and_1_give_monai_s_loss_exactly(seed, targets, gamma, alpha, shape):
    logits, mask = _case(seed, shape)
    theirs = DiceFocalLoss(to_onehot_y=True, softmax=True, gamma=gamma, alpha=alpha)(logits, mask)
    ours = SoftDiceFocalLoss(targets, gamma=gamma, alpha=alpha)
    assert torch.equal(ours(logits, mask), theirs)
    assert torch.equal(ours(logits, torch.cat((1 - mask, mask), dim=1)), theirs)
    assert torch.equal(ours(logits, mask.to(torch.int64)), theirs)


def test_soft_targets_follow_the_formula():
    logits, mask = _case(1)
    mask = mask * INTERIOR
    x, t = logits.double(), torch.cat((1 - mask, mask), dim=1).double()
    p = x.softmax(1)
    dice = 1 - (2 * (p * t).sum((2, 3)) + 1e-5) / (p.sum((2, 3)) + t.sum((2, 3)) + 1e-5)
    cross_entropy = -t * x.sigmoid().log() - (1 - t) * (-x).sigmoid().log()
    sigmoid = (cross_entropy * (-x * (2 * t - 1)).sigmoid() ** 3).mean()
    softmax = (-t * (1 - p) ** 3 * p.log()).mean()
    for focal, expected in (("sigmoid", sigmoid), ("softmax", softmax)):
        ours = SoftDiceFocalLoss(focal=focal, gamma=3.0)
        assert ours(logits, mask).item() == pytest.approx((dice.mean() + expected).item(), rel=1e-5)


def test_softmax_focal_weighs_classes_by_alpha():
    logits, mask = _case(2)
    both = torch.cat((1 - mask, mask), dim=1)
    loss = SoftDiceFocalLoss(focal="softmax", alpha=0.25)
    weighted = FocalLoss(use_softmax=True, reduction="none")(logits, both) * torch.tensor([0.75, 0.25])[:, None, None]
    assert loss(logits, mask).item() == pytest.approx((loss.dice(logits, both) + weighted.mean()).item(), rel=1e-6)


def test_hard_labels_are_the_code_s_cast():
    logits, mask = _case(3)
    smoothed = mask.clone()
    smoothed[:, :, 1:3, 1:4] *= INTERIOR
    code = DiceFocalLoss(to_onehot_y=True, softmax=True)
    assert torch.equal(SoftDiceFocalLoss("hard_labels")(logits, smoothed), code(logits, smoothed))
    assert torch.equal(SoftDiceFocalLoss("hard_labels")(logits, smoothed), code(logits, (smoothed == 1).float()))
    assert not torch.equal(SoftDiceFocalLoss()(logits, smoothed), code(logits, smoothed))


def test_soft_targets_pull_the_interior_to_the_foreground_and_hard_labels_do_not():
    mask = torch.full((1, 1, 4, 4), INTERIOR)
    gradients = {}
    for targets in ("soft", "hard_labels"):
        logits = torch.zeros(1, 2, 4, 4, requires_grad=True)
        SoftDiceFocalLoss(targets)(logits, mask).backward()
        gradients[targets] = logits.grad[:, 1]
    assert (gradients["soft"] < 0).all() and (gradients["hard_labels"] > 0).all()


@pytest.mark.parametrize("value", [0.0, INTERIOR, 1.0])
def test_finite_for_constant_masks_and_saturated_logits(value):
    logits = torch.tensor([80.0, -80.0]).reshape(1, 2, 1, 1).expand(1, 2, 4, 4).clone().requires_grad_()
    for focal in ("sigmoid", "softmax"):
        loss = SoftDiceFocalLoss(focal=focal)(logits, torch.full((1, 1, 4, 4), value))
        loss.backward()
        assert loss.isfinite() and logits.grad.isfinite().all()


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("focal", ["sigmoid", "softmax"])
@pytest.mark.parametrize("alpha", [None, 0.25])
def test_reductions_are_monai_s(reduction, focal, alpha):
    logits, mask = _case(4)
    both = torch.cat((1 - mask, mask), dim=1)
    theirs = DiceFocalLoss(softmax=True, alpha=alpha, reduction=reduction)
    theirs.focal = FocalLoss(use_softmax=focal == "softmax", alpha=alpha, reduction=reduction)
    ours = SoftDiceFocalLoss(focal=focal, alpha=alpha, reduction=reduction)(logits, mask)
    torch.testing.assert_close(ours, theirs(logits, both), rtol=1e-6, atol=0)
    assert ours.shape == ((2, 2, 4, 5) if reduction == "none" else ())


@pytest.mark.parametrize("targets", ["soft", "hard_labels"])
@pytest.mark.parametrize("focal", ["sigmoid", "softmax"])
def test_float64_stays_float64(targets, focal):
    logits, mask = _case(5)
    logits, mask = logits.double().requires_grad_(), mask.double() * INTERIOR
    loss = SoftDiceFocalLoss(targets, focal)
    assert loss(logits, mask).dtype == torch.float64
    assert torch.autograd.gradcheck(lambda logits: loss(logits, mask), logits)


@pytest.mark.parametrize("targets", ["soft", "hard_labels"])
@pytest.mark.parametrize("focal", ["sigmoid", "softmax"])
@pytest.mark.parametrize("alpha", [None, 0.25])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_scripts(targets, focal, alpha, reduction):
    logits, mask = _case(6)
    loss = SoftDiceFocalLoss(targets, focal, alpha=alpha, reduction=reduction)
    scripted = torch.jit.script(loss)
    torch.testing.assert_close(scripted(logits, mask * INTERIOR), loss(logits, mask * INTERIOR))
    with pytest.raises(torch.jit.Error, match="expected 0 to 1"):
        scripted(logits, mask * 255)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("focal", ["sigmoid", "softmax"])
def test_half_precision_counts_all_pixels(dtype, focal):
    """The recipe's 448 x 576 pixels are more than float16 can hold."""
    logits, mask = _case(shape=(1, 448, 576))
    logits = logits.to(dtype)
    loss = SoftDiceFocalLoss(focal=focal)
    assert loss(logits, mask).item() == pytest.approx(loss(logits.float(), mask).item(), rel=1e-6)


def test_takes_meta_tensors_and_rounding_of_resized_masks():
    logits, mask = _case()
    expected = SoftDiceFocalLoss()(logits, mask)
    assert float(SoftDiceFocalLoss()(logits, MetaTensor(mask))) == expected.item()
    assert SoftDiceFocalLoss()(logits, mask * (1 + 1e-6)).item() == pytest.approx(expected.item(), abs=1e-5)


@pytest.mark.parametrize(
    ("logits", "target", "message"),
    [
        ((2, 1, 4, 4), (2, 1, 4, 4), "two channels of logits"),
        ((2, 3, 4, 4), (2, 1, 4, 4), "two channels of logits"),
        ((2, 2, 4, 4), (2, 3, 4, 4), "one or two of a target"),
        ((2, 2, 4, 4), (2, 4, 4), "one or two of a target"),
        ((2, 2, 4, 4), (2, 1, 4, 5), "of the same size"),
        ((2, 2, 4, 4), (1, 1, 4, 4), "of the same size"),
    ],
)
def test_refuses_other_shapes(logits, target, message):
    with pytest.raises(ValueError, match=message):
        SoftDiceFocalLoss()(torch.zeros(logits), torch.zeros(target))


@pytest.mark.parametrize("value", [255.0, -1.0, float("nan")])
@pytest.mark.parametrize("targets", ["soft", "hard_labels"])
def test_refuses_values_that_are_no_share(targets, value):
    mask = torch.zeros(1, 1, 4, 4)
    mask[0, 0, 1, 1] = value
    with pytest.raises(ValueError, match="expected 0 to 1: divide it by its maximum"):
        SoftDiceFocalLoss(targets)(torch.zeros(1, 2, 4, 4), mask)


@pytest.mark.parametrize("options", [{"targets": "hard"}, {"focal": "Sigmoid"}, {"reduction": "average"}])
def test_refuses_unknown_options(options):
    with pytest.raises(ValueError, match="(targets|focal|reduction) '.*' is unknown: choose '"):
        SoftDiceFocalLoss(**options)
