from __future__ import annotations

import math

import pytest
import torch
from ignite.engine import Engine

from monai_nlseg.handlers import FiniteLoss


def run(losses: list[float], iterations: int) -> int:
    engine = Engine(lambda _, loss: [{"loss": loss}])
    FiniteLoss(iterations, "do this").attach(engine)
    engine.run(losses)
    return engine.state.iteration


def test_single_lost_losses_are_borne():
    assert run([1.0, math.nan, 0.5, math.inf, 0.4], 2) == 5


def test_several_end_the_training_with_the_first_of_them_and_the_advice():
    with pytest.raises(ValueError, match="nan for 3 iterations, since iteration 2, .*: do this\\."):
        run([1.0, math.nan, math.nan, math.nan, 1.0], 3)


def test_none_cannot_be_borne():
    with pytest.raises(ValueError, match="at least 1"):
        FiniteLoss(0)


def test_lost_weights_are_named_before_the_validation():
    evaluator = Engine(lambda _, item: None)
    evaluator.network = torch.nn.Conv2d(1, 1, 1)
    FiniteLoss(advice="do this").attach(Engine(lambda _, loss: None), evaluator)
    evaluator.run([0])
    torch.nn.init.constant_(evaluator.network.weight, math.nan)
    with pytest.raises(ValueError, match="the weights of the network are no finite numbers any more: do this\\."):
        evaluator.run([0])
