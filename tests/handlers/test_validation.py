from __future__ import annotations

import pytest
import torch
from ignite.engine import Engine
from monai.engines import SupervisedEvaluator

from monai_nlseg.handlers import ValidationHandler


@pytest.mark.parametrize(
    ("epochs", "interval", "validated"), [(5, 2, [2, 4, 5]), (4, 2, [2, 4]), (1, 4, [1]), (3, 1, [1, 2, 3])]
)
def test_validates_at_the_interval_and_after_the_last_epoch(epochs, interval, validated):
    validator = SupervisedEvaluator(torch.device("cpu"), [torch.zeros(1, 1)], torch.nn.Identity())
    seen = []
    validator.run = seen.append
    trainer = Engine(lambda engine, batch: None)
    ValidationHandler(interval, validator).attach(trainer)
    trainer.run([0], max_epochs=epochs)
    assert seen == validated


def test_refuses_an_interval_of_no_epochs():
    validator = SupervisedEvaluator(torch.device("cpu"), [torch.zeros(1, 1)], torch.nn.Identity())
    with pytest.raises(ValueError, match="0 epochs never ends: give at least 1"):
        ValidationHandler(0, validator).attach(Engine(lambda engine, batch: None))
