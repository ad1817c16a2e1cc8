"""What is measured beside the evaluator's metrics."""

from __future__ import annotations

import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents

from monai_nlseg.experiments.evaluation import _CaseClock


def test_cases_of_one_batch_share_its_seconds():
    """So that each case has a time of its own, whatever the batch of the validation."""
    engine = Engine(lambda engine, _: engine.fire_event(IterationEvents.FORWARD_COMPLETED))
    engine.register_events(*IterationEvents)
    clock = _CaseClock()
    clock.attach(engine)
    engine.run([{"image": torch.zeros(count, 1, 4, 4)} for count in (2, 1)])
    first, second, third = clock.seconds
    assert first == second > 0 and third > 0
