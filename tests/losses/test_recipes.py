"""The compositions of MONAI's losses that docs/reference/training.md names, against the papers' formulas."""

from __future__ import annotations

import pytest
import torch
from monai.bundle import ConfigParser

from monai_nlseg.networks import kernel_decay_groups

RAGCM = {"_target_": "DiceCELoss", "sigmoid": True, "squared_pred": True, "batch": True, "smooth_nr": 0.0}
RAGCM["smooth_dr"] = 1e-8
LAEDNET = {"_target_": "DiceFocalLoss", "sigmoid": True, "squared_pred": True, "batch": True, "gamma": 2.0}
DNLNET = {"_target_": "DiceCELoss", "sigmoid": True, "squared_pred": True, "batch": True}
DNLNET["weight"] = "$torch.tensor([7.0])"


def _loss(config):
    parser = ConfigParser({"imports": ["$import torch"], "loss": config})
    return parser.get_parsed_content("loss")


def _case(empty=False):
    generator = torch.Generator().manual_seed(4)
    logits = torch.randn(3, 1, 6, 7, generator=generator)
    mask = (torch.rand(3, 1, 6, 7, generator=generator) > 0.7).float()
    mask[1:] = 0
    return logits, mask * (not empty)


def _dice(p, g, smooth_nr=0.0, smooth_dr=0.0):
    """1 - 2 sum(p g) / (sum p^2 + sum g^2) of all pixels of the batch."""
    return 1 - (2 * (p * g).sum() + smooth_nr) / ((p * p).sum() + (g * g).sum() + smooth_dr)


def _cross_entropy(p, g, weight=1.0):
    return -(weight * g * p.log() + (1 - g) * (1 - p).log()).mean()


def test_ragcm_is_mean_cross_entropy_and_unsmoothed_dice():
    logits, mask = _case()
    p, g = logits.double().sigmoid(), mask.double()
    assert _loss(RAGCM)(logits, mask).item() == pytest.approx((_cross_entropy(p, g) + _dice(p, g)).item(), rel=1e-6)


@pytest.mark.parametrize("scale", [1.0, 0.0, 1e3])
def test_ragcm_is_finite_without_foreground(scale):
    logits, mask = _case(empty=True)
    logits = (logits.abs() * -scale).requires_grad_()
    loss = _loss(RAGCM)(logits, mask)
    loss.backward()
    assert loss.isfinite() and logits.grad.isfinite().all()


def test_ragcm_s_dice_sees_images_without_foreground_only_over_the_batch():
    logits, mask = _case()
    gradients = {}
    for batch in (True, False):
        x = logits.clone().requires_grad_()
        _loss(RAGCM | {"batch": batch, "lambda_ce": 0.0})(x, mask).backward()
        gradients[batch] = x.grad[1:].abs().max().item()
    assert gradients[True] > 1e-4 and gradients[False] < 1e-7


@pytest.mark.parametrize("bias_decays", [True, False])
def test_ragcm_s_penalty_is_adam_s_coupled_weight_decay(bias_decays):
    """lambda / 2 * ||w||^2 in the loss or lambda as ``weight_decay``: the same weights."""
    logits, mask = _case()
    layers = [torch.nn.Conv2d(1, 1, 3, padding=1) for _ in range(2)]
    layers[1].load_state_dict(layers[0].state_dict())
    plain = torch.optim.Adam(layers[0].parameters(), lr=1e-2)
    decayed = torch.optim.Adam(
        [{"params": layers[1].parameters(), "weight_decay": 0.001}]
        if bias_decays
        else kernel_decay_groups(layers[1], 0.001),
        lr=1e-2,
    )
    for layer, optimizer in zip(layers, (plain, decayed)):
        for _ in range(3):
            optimizer.zero_grad()
            loss = _loss(RAGCM)(layer(logits), mask)
            if optimizer is plain:
                penalised = layer.parameters() if bias_decays else [layer.weight]
                loss = loss + 0.001 / 2 * sum((w * w).sum() for w in penalised)
            loss.backward()
            optimizer.step()
    for one, other in zip(layers[0].parameters(), layers[1].parameters()):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_laednet_is_squared_dice_and_focal():
    logits, mask = _case()
    p, g = logits.double().sigmoid(), mask.double()
    focal = -(g * (1 - p) ** 2 * p.log() + (1 - g) * p**2 * (1 - p).log()).mean()
    expected = _dice(p, g, 1e-5, 1e-5) + focal
    assert _loss(LAEDNET)(logits, mask).item() == pytest.approx(expected.item(), rel=1e-6)


def test_dnlnet_is_squared_dice_and_weighted_cross_entropy():
    logits, mask = _case()
    p, g = logits.double().sigmoid(), mask.double()
    expected = _dice(p, g, 1e-5, 1e-5) + _cross_entropy(p, g, weight=7.0)
    assert _loss(DNLNET)(logits, mask).item() == pytest.approx(expected.item(), rel=1e-6)


def test_dnlnet_s_weight_would_reach_the_dice_of_two_channels():
    """Why the recipe has one channel: MONAI weighs the Dice of several, too."""
    logits, mask = _case()
    logits, mask = torch.cat((-logits, logits), 1), torch.cat((1 - mask, mask), 1)
    two = DNLNET | {"sigmoid": False, "softmax": True, "weight": "$torch.tensor([1.0, 7.0])", "lambda_ce": 0.0}
    assert _loss(two)(logits, mask).item() > 1.0
